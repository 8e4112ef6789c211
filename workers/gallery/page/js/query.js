// What is searched, filtered and sorted. Nothing here knows of a browser.
//
//   wheat "at dusk" -rain        words and phrases that stand, or don't, in prompt, name, values, note and reason
//   seed:42 place:wheat          a field or an axis is this (text: contains it)
//   cost<0.3 rating>=4           numbers
//   is:starred is:failed         what a take is; -is:rejected turns it round

const NUMBERS = {
  seed: (take) => take.seed,
  cost: (take) => take.cost,
  rating: (take, pick) => pick.rating || 0,
  duration: (take) => take.seconds,
  wait: (take) => take.stored,
  rendered: (take) => take.rendered,
  mb: (take) => (take.bytes == null ? null : take.bytes / 1e6),
  width: (take) => take.width,
  height: (take) => take.height,
  fps: (take) => take.fps,
  frames: (take) => take.frames,
  attempt: (take) => take.attempt,
  number: (take) => take.number,
  edition: (take) => take.edition,
};

const TEXTS = {
  shot: (take) => take.shot,
  state: (take) => take.state,
  prompt: (take) => take.prompt,
  name: (take) => take.id,
  why: (take) => `${take.why} ${take.kind}`,
  note: (take, pick) => pick.note,
  warning: (take) => take.warnings.join(" "),
};

const QUALITIES = {
  starred: (take, pick) => pick.star,
  rejected: (take, pick) => pick.rejected,
  rated: (take, pick) => pick.rating != null,
  noted: (take, pick) => pick.note !== "",
  picked: (take, pick) => pick.star && !pick.rejected,
  unseen: (take, pick) => take.shows && !pick.star && !pick.rejected && pick.rating == null && !pick.note,
  reused: (take) => take.reused !== null,
  warned: (take) => take.warnings.length > 0,
  chained: (take) => take.parents.length > 0 || take.children.length > 0,
  besides: (take) => take.besides !== null,
};

const COMPARISONS = {
  "<": (a, b) => a < b,
  "<=": (a, b) => a <= b,
  ">": (a, b) => a > b,
  ">=": (a, b) => a >= b,
  "=": (a, b) => a === b,
  ":": (a, b) => a === b,
};

const TERM = /(-?)(?:([\p{L}_][\p{L}\p{N}_.-]*)(<=|>=|[:<>=]))?(?:"([^"]*)"?|(\S+))/gu;

function folded(text) {
  return String(text).normalize("NFKC").toLowerCase();
}

// A test for (take, pick), or null for a search that says nothing. `axes` are the names of the axes there are.
function parseQuery(text, axes) {
  const tests = [];
  for (const [, minus, key, sign, phrase, word] of text.matchAll(TERM)) {
    const wanted = phrase === undefined ? word : phrase;
    if (wanted === "" && key === undefined) continue;
    const test = key === undefined ? null : keyed(folded(key), sign, wanted, axes);
    const found = test || containing(key === undefined ? wanted : `${key}${sign}${wanted}`);
    tests.push(minus === "-" ? (take, pick) => !found(take, pick) : found);
  }
  return tests.length === 0 ? null : (take, pick) => tests.every((test) => test(take, pick));
}

function keyed(key, sign, wanted, axes) {
  if (key === "is" && sign === ":") {
    const quality = folded(wanted);
    return QUALITIES[quality] || ((take) => take.state === quality);
  }
  const axis = axes.find((each) => folded(each) === key);
  if (axis !== undefined) return ofAxis(axis, sign, wanted);
  if (key in NUMBERS) return ofNumber(NUMBERS[key], sign, wanted);
  if (key in TEXTS && (sign === ":" || sign === "=")) {
    const text = folded(wanted);
    return (take, pick) => folded(TEXTS[key](take, pick)).includes(text);
  }
  return null;
}

function ofNumber(read, sign, wanted) {
  const [low, high] = wanted.split("..").map((each) => (each.trim() === "" ? NaN : Number(each)));
  if (wanted.includes("..")) {
    return (take, pick) => {
      const value = read(take, pick);
      return value != null && !(value < low) && !(value > high);
    };
  }
  if (Number.isNaN(low)) return () => false;
  return (take, pick) => {
    const value = read(take, pick);
    return value != null && COMPARISONS[sign](value, low);
  };
}

function ofAxis(axis, sign, wanted) {
  const number = Number(wanted);
  if (wanted.trim() !== "" && !Number.isNaN(number)) {
    return (take) => axis in take.values && COMPARISONS[sign](Number(take.values[axis]), number);
  }
  if (wanted.includes("..")) return ofNumber((take) => (axis in take.values ? Number(take.values[axis]) : null), sign, wanted);
  const text = folded(wanted);
  return (take) => axis in take.values && folded(take.values[axis]).includes(text);
}

function containing(wanted) {
  const text = folded(wanted);
  return (take, pick) => haystack(take).includes(text) || folded(pick.note).includes(text);
}

function haystack(take) {
  if (take.hay === undefined) {
    const values = Object.values(take.values).join("\n");
    take.hay = folded([take.id, take.prompt, values, take.state, take.why, take.kind].join("\n"));
  }
  return take.hay;
}

// What can be filtered by: each facet gives a take one of its values, or null where it has none.
function facetsOf(batch, dimensions) {
  const facets = [
    { key: "state", label: "State", of: (take) => take.state, values: batch.states },
    { key: "pick", label: "Picks", of: pickWord, values: ["starred", "rated", "noted", "rejected", "undecided"] },
  ];
  for (const each of dimensions) {
    if (each.values.length > 1) facets.push({ key: `axis:${each.key}`, label: each.label, of: each.of, values: each.values });
  }
  return facets;
}

function pickWord(take, pick) {
  if (pick.rejected) return "rejected";
  if (pick.star) return "starred";
  if (pick.rating != null) return "rated";
  return pick.note ? "noted" : "undecided";
}

// The takes that are wanted, in the order of the batch, and for each facet how many each of its values has among those
// that all the other facets let through.
function filtered(batch, facets, wanted) {
  const chosen = facets.filter((facet) => (wanted.facets[facet.key] || []).length > 0)
    .map((facet) => [facet, new Set(wanted.facets[facet.key])]);
  const counts = new Map(facets.map((facet) => [facet.key, new Map()]));
  const shown = [];
  for (const take of batch.takes) {
    if (take.old && !wanted.old) continue;
    const pick = wanted.pickOf(take);
    if (wanted.test && !wanted.test(take, pick)) continue;
    let missed = null;
    let misses = 0;
    for (const [facet, values] of chosen) {
      if (!values.has(facet.of(take, pick))) {
        misses += 1;
        missed = facet;
        if (misses > 1) break;
      }
    }
    if (misses > 1) continue;
    if (misses === 0) shown.push(take);
    for (const facet of misses === 0 ? facets : [missed]) {
      const value = facet.of(take, pick);
      if (value !== null) {
        const of = counts.get(facet.key);
        of.set(value, (of.get(value) || 0) + 1);
      }
    }
  }
  return { shown, counts };
}

const SORTS = {
  manifest: { label: "Manifest order", of: (take) => take.at },
  rating: { label: "Rating", of: (take, pick) => (pick.rejected ? -1 : (pick.star ? 5.5 : 0) + (pick.rating || 0)), down: true },
  newest: { label: "Newest", of: (take) => (take.submitted == null ? null : take.submitted + (take.stored || 0)), down: true },
  cost: { label: "Cost", of: (take) => take.cost, down: true },
  time: { label: "Render time", of: (take) => take.rendered, down: true },
  size: { label: "File size", of: (take) => take.bytes, down: true },
  seed: { label: "Seed", of: (take) => take.seed },
};

// Sorted by one of `SORTS`; what has no such value comes last, whichever way it goes.
function sorted(takes, name, reversed, pickOf) {
  const sort = SORTS[name] || SORTS.manifest;
  const sign = Boolean(sort.down) === Boolean(reversed) ? 1 : -1;
  const keys = new Map(takes.map((take) => [take, sort.of(take, pickOf(take))]));
  return [...takes].sort((a, b) => {
    const [left, right] = [keys.get(a), keys.get(b)];
    if (left == null || right == null) return (left == null) - (right == null) || a.at - b.at;
    return sign * (left - right) || a.at - b.at;
  });
}
