// One video for all cells: it is put into the cell that the pointer rests on, and emptied when it leaves. A video
// element a cell would cost a browser a gigabyte at ten thousand of them.

const REST_MS = 180;

class Preview {
  constructor(batch) {
    this.batch = batch;
    this.video = el("video", { class: "preview", muted: true, loop: true, playsinline: true, preload: "auto", tabindex: -1,
      "aria-hidden": "true", disablepictureinpicture: true });
    this.video.muted = true;
    this.video.addEventListener("timeupdate", () => this.showTime());
    this.video.addEventListener("playing", () => this.video.classList.add("shows"));
    this.bar = el("div", { class: "preview-bar" });
    this.frame = null;
    this.timer = 0;
  }

  // The pointer rests on a take's frame; with `at_once` a person asked for it.
  over(frame, take, atOnce) {
    if (this.frame === frame) return;
    this.leave();
    if (!take.shows || (stillness.matches && !atOnce)) return;
    this.frame = frame;
    this.timer = setTimeout(() => this.play(take), atOnce ? 0 : REST_MS);
  }

  play(take) {
    this.video.classList.remove("shows");
    this.video.src = fileOf(this.batch, take, "video");
    this.frame.append(this.video, this.bar);
    this.video.play().catch((error) => {
      if (error.name !== "AbortError" && this.frame) this.frame.classList.add("mute");
    });
  }

  showTime() {
    const share = this.video.duration ? this.video.currentTime / this.video.duration : 0;
    this.bar.style.setProperty("transform", `scaleX(${share.toFixed(4)})`);
  }

  leave() {
    clearTimeout(this.timer);
    this.frame = null;
    if (this.video.parentNode === null) return;
    this.video.pause();
    this.video.remove();
    this.bar.remove();
    this.video.removeAttribute("src");
    this.video.load();
  }
}
