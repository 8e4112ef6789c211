// The posters of the cells in sight. A browser keeps the pictures of <img> decoded long after they are out of sight, up to
// some 300 MB of them. A bitmap is given back when it is told to, and a canvas holds one for as long as its cell is in
// sight. Canvases and images are used again and again: what is thrown away waits for the next collection of garbage.

const STILLS = { canvases: [], images: [], loading: new WeakMap() };

// The poster at `url` as an element; `failed` is called when it can't be had.
function stillAt(url, failed) {
  const still = STILLS.canvases.pop() || el("canvas", { class: "still", "aria-hidden": "true" });
  still.width = 0;
  const image = STILLS.images.pop() || new Image();
  const ticket = { image };
  STILLS.loading.set(still, ticket);
  const wanted = () => STILLS.loading.get(still) === ticket;
  image.onload = async () => {
    let bitmap = null;
    try {
      bitmap = await createImageBitmap(image, sizeFor(image, still.clientWidth * devicePixelRatio));
    } catch (error) {
      if (wanted()) giveUp();
      return;
    }
    if (!wanted()) {
      bitmap.close();
      return;
    }
    endLoading(still);
    [still.width, still.height] = [bitmap.width, bitmap.height];
    still.getContext("bitmaprenderer").transferFromImageBitmap(bitmap);
  };
  const giveUp = () => {
    endLoading(still);
    still.remove();
    STILLS.canvases.push(still);
    failed();
  };
  image.onerror = giveUp;
  image.src = url;
  return still;
}

// No more pixels than are shown.
function sizeFor(image, width) {
  if (!width || width >= image.naturalWidth) return {};
  const height = Math.round(image.naturalHeight * width / image.naturalWidth);
  return { resizeWidth: Math.round(width), resizeHeight: Math.max(1, height), resizeQuality: "medium" };
}

// Give back what a still holds, so that another cell can have it.
function dropStill(still) {
  endLoading(still);
  still.getContext("bitmaprenderer").transferFromImageBitmap(null);
  still.remove();
  STILLS.canvases.push(still);
}

function endLoading(still) {
  const ticket = STILLS.loading.get(still);
  if (!ticket) return;
  STILLS.loading.delete(still);
  ticket.image.onload = ticket.image.onerror = null;
  ticket.image.removeAttribute("src");
  STILLS.images.push(ticket.image);
}
