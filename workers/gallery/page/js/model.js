// The batch as the page is given it (workers/gallery/data.py), unpacked: one object for each take.

const PICTURE_STATES = new Set(["done"]);

function readBatch(data, rows) {
  const axes = new Map(data.axes);
  const takes = rows.map((row, at) => readTake(data, axes, row, at));
  const byId = new Map(takes.map((take) => [take.id, take]));
  for (const take of takes) {
    for (const parent of take.parents) {
      const found = byId.get(parent);
      if (found) found.children.push(take);
    }
  }
  return { ...data, axes, takes, byId, shotNames: [...new Set(takes.map((take) => take.shot))] };
}

function readTake(data, axes, row, at) {
  const [name, shotAt, state, places, prompt, params, seed, cost, money, video, seconds, bytes, submitted, rendered,
    stored, poster, more] = row;
  const shot = data.shots[shotAt];
  const values = {};
  const place = {};
  shot.axes.forEach((axis, i) => {
    place[axis] = places[i];
    values[axis] = axes.get(axis)[places[i]];
  });
  const [width, height, fps, frames, codec] = video == null ? [] : data.videos[video];
  const [currency, basis] = money == null ? [null, null] : data.money[money];
  const extra = more || {};
  return {
    at, name, seed, cost, currency, basis, seconds, bytes, submitted, rendered, stored, values, place,
    id: `${shot.folder}/${name}`,
    number: parseInt(name, 10),
    shot: shot.name,
    folder: shot.folder,
    edition: shot.edition,
    axes: shot.axes,
    together: shot.together,
    state: data.states[state],
    prompt: data.prompts[prompt],
    params: data.params[params],
    width, height, fps, frames, codec,
    poster: poster === 1,
    shows: PICTURE_STATES.has(data.states[state]),
    why: extra.why || "",
    kind: extra.kind || "",
    attempt: extra.attempt || 1,
    besides: extra.besides || null,
    old: extra.old === 1,
    warnings: extra.warnings || [],
    reused: extra.reused || null,
    parents: extra.parents || [],
    children: [],
  };
}

// The axes that differ within a shot, in its order; axes through which the sweep goes at once are one dimension.
function dimensionsOf(batch, takes) {
  const found = new Map();
  for (const shot of batch.shots) {
    const zipped = new Map();
    for (const group of shot.together) for (const axis of group) zipped.set(axis, group);
    for (const axis of shot.axes) {
      const group = zipped.get(axis) || [axis];
      const key = group.join("+");
      if (!found.has(key)) found.set(key, { key, axes: group, label: group.join(" + ") });
    }
  }
  const dimensions = [...found.values()].map((dimension) => withValues(dimension, takes));
  if (batch.shotNames.length > 1) {
    dimensions.unshift({
      key: "shot", axes: [], label: "shot", values: batch.shotNames,
      of: (take) => (batch.shotNames.includes(take.shot) ? take.shot : null),
    });
  }
  return dimensions;
}

function withValues(dimension, takes) {
  const of = (take) => valueIn(take, dimension.axes);
  const first = new Map();
  for (const take of takes) {
    const value = of(take);
    if (value !== null && !first.has(value)) first.set(value, dimension.axes.map((axis) => take.place[axis]));
  }
  const values = [...first.keys()].sort((a, b) => comparePlaces(first.get(a), first.get(b)));
  return { ...dimension, values, of };
}

function valueIn(take, axes) {
  const parts = [];
  for (const axis of axes) {
    if (!(axis in take.values)) return null;
    parts.push(String(take.values[axis]));
  }
  return parts.join(" · ");
}

function comparePlaces(a, b) {
  for (let i = 0; i < a.length; i += 1) if (a[i] !== b[i]) return a[i] - b[i];
  return 0;
}

// What a matrix is made of at first: seeds go across, since they are what one looks along; the rest stacks up.
function firstMatrix(dimensions) {
  const many = dimensions.filter((each) => each.values.length > 1);
  const keys = many.map((each) => each.key);
  const z = keys.includes("shot") ? "shot" : null;
  const rest = keys.filter((key) => key !== "shot");
  const x = rest.includes("seed") ? "seed" : rest[rest.length - 1] || null;
  const y = rest.find((key) => key !== x) || (x ? null : z);
  return { x, y, z: y === z ? null : z };
}
