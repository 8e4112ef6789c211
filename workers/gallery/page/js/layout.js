// Where things are, reckoned without a browser: rows of a grid, cells of a matrix, and which of them are in sight.

// The rows of a grid of so many columns: headings, where there are groups, and runs of takes.
function gridRows(groups, columns, rowHeight, headHeight) {
  const rows = [];
  let top = 0;
  for (const group of groups) {
    if (group.label !== null) {
      rows.push({ top, height: headHeight, head: group, takes: null });
      top += headHeight;
    }
    for (let at = 0; at < group.takes.length; at += columns) {
      rows.push({ top, height: rowHeight, head: null, takes: group.takes.slice(at, at + columns) });
      top += rowHeight;
    }
  }
  return { rows, height: top };
}

function grouped(takes, byShot) {
  if (!byShot) return [{ label: null, takes }];
  const groups = new Map();
  for (const take of takes) {
    const label = take.edition > 1 ? `${take.shot} (edition ${take.edition})` : take.shot;
    if (!groups.has(label)) groups.set(label, { label, takes: [] });
    groups.get(label).takes.push(take);
  }
  return [...groups.values()];
}

// The first and the last of the rows that lie between two heights, the last one not included.
function rowsBetween(rows, from, to) {
  let low = 0;
  let high = rows.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (rows[middle].top + rows[middle].height <= from) low = middle + 1;
    else high = middle;
  }
  let end = low;
  while (end < rows.length && rows[end].top < to) end += 1;
  return [low, end];
}

function rangeBetween(size, count, from, to) {
  return [Math.max(0, Math.floor(from / size)), Math.min(count, Math.ceil(to / size))];
}

// As many columns as fit at about this width, and the width that fills the space.
function columnsFor(space, wanted, gap) {
  const columns = Math.max(1, Math.floor((space + gap) / (wanted + gap)));
  return { columns, width: Math.floor((space + gap) / columns) - gap };
}

// The shape of most of the takes, width by height, kept within what a grid can bear.
function usualShape(takes) {
  const counts = new Map();
  for (const take of takes) {
    const shape = take.width ? `${take.width}:${take.height}` : take.params.aspect_ratio || take.values.aspect_ratio;
    if (shape && /^\d+:\d+$/.test(shape)) counts.set(shape, (counts.get(shape) || 0) + 1);
  }
  let best = "16:9";
  for (const [shape, count] of counts) if (count > (counts.get(best) || 0)) best = shape;
  const [width, height] = best.split(":").map(Number);
  return Math.min(2.4, Math.max(0.5625, width / height));
}

// The cells of a matrix: for each pair of values the takes that have both, best first. A pair that no take has is
// missing: the sweep leaves it out, or nothing of it is among what is shown.
function matrixOf(takes, x, y, z, zValue, pickOf) {
  const cells = new Map();
  for (const take of takes) {
    if (z !== null && z.of(take) !== zValue) continue;
    const [across, down] = [x === null ? "" : x.of(take), y === null ? "" : y.of(take)];
    if (across === null || down === null) continue;
    const key = cellKey(across, down);
    if (!cells.has(key)) cells.set(key, []);
    cells.get(key).push(take);
  }
  const columns = x === null ? [""] : x.values.filter((value) => hasAny(cells, value, 0));
  const rows = y === null ? [""] : y.values.filter((value) => hasAny(cells, value, 1));
  for (const found of cells.values()) found.sort((a, b) => standing(b, pickOf(b)) - standing(a, pickOf(a)) || a.at - b.at);
  return { cells, columns, rows };
}

function cellKey(across, down) {
  return `${across}\u0000${down}`;
}

function hasAny(cells, value, side) {
  if (cells.sides === undefined) {
    cells.sides = [new Set(), new Set()];
    for (const key of cells.keys()) key.split("\u0000").forEach((part, i) => cells.sides[i].add(part));
  }
  return cells.sides[side].has(value);
}

// Which take stands for several: what was picked, then what was rated, then what is there at all.
function standing(take, pick) {
  if (pick.rejected) return take.shows ? 1 : 0;
  return (take.shows ? 2 : 0) + (pick.rating || 0) + (pick.star ? 10 : 0);
}
