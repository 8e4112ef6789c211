// What the person thinks of the takes. Kept in the browser, and, where the page is served by `rushes gallery --serve`,
// in the batch itself; of what two places say of a take, the later word holds.

const NO_PICK = Object.freeze({ star: false, rating: null, rejected: false, note: "", at: null });
const CSV_COLUMNS = ["take", "shot", "star", "rating", "rejected", "note", "seed", "cost", "currency", "prompt"];

class Picks {
  // `stored` is what the page was written with; `keep` is called with what changes, by the takes' names.
  constructor(batch, stored, kept, keep, now) {
    this.batch = batch;
    this.keep = keep;
    this.now = now;
    this.found = new Map();
    this.undone = [];
    this.merge(stored);
    this.merge(kept);
  }

  of(take) {
    return this.found.get(take.id) || NO_PICK;
  }

  // Take over what is newer; how many were.
  merge(picks) {
    let changed = 0;
    for (const [id, given] of Object.entries(picks || {})) {
      const pick = readPick(given);
      const here = this.found.get(id);
      if (pick !== null && (here === undefined || Date.parse(here.at) < Date.parse(pick.at))) {
        this.found.set(id, pick);
        changed += 1;
      }
    }
    return changed;
  }

  change(takes, change) {
    const before = takes.map((take) => [take.id, this.of(take)]);
    this.undone.push(before);
    this.undone.splice(0, this.undone.length - 200);
    this.put(takes.map((take) => [take.id, { ...this.of(take), ...change(this.of(take)) }]));
  }

  undo() {
    const before = this.undone.pop();
    if (before !== undefined) this.put(before);
    return before === undefined ? [] : before.map(([id]) => id);
  }

  put(entries) {
    const at = new Date(this.now()).toISOString();
    const changed = {};
    for (const [id, pick] of entries) {
      changed[id] = { ...pick, at };
      this.found.set(id, changed[id]);
    }
    this.keep(changed, this);
  }

  toJson() {
    const picks = Object.fromEntries([...this.found].sort(([a], [b]) => (a < b ? -1 : 1)));
    return { schema_version: 1, batch: this.batch, picks };
  }

  count(takes) {
    let starred = 0;
    for (const take of takes) if (this.of(take).star && !this.of(take).rejected) starred += 1;
    return starred;
  }
}

// A pick as it is kept, or null for what is none.
function readPick(given) {
  if (given === null || typeof given !== "object" || Number.isNaN(Date.parse(given.at))) return null;
  const rating = Number.isInteger(given.rating) && given.rating >= 1 && given.rating <= 5 ? given.rating : null;
  const note = typeof given.note === "string" ? given.note.slice(0, 4000) : "";
  return { star: given.star === true, rating, rejected: given.rejected === true, note, at: given.at };
}

// The picks in a file that was exported here or by `rushes picks`. Throws an Error with a sentence for the person.
function readPicksFile(text, batch) {
  let file;
  try {
    file = JSON.parse(text);
  } catch (error) {
    throw new Error("that is no JSON; export picks as JSON to read them back");
  }
  if (file === null || typeof file !== "object" || typeof file.picks !== "object" || file.picks === null) {
    throw new Error("there are no picks in that file");
  }
  if (file.batch !== batch) throw new Error(`those are picks of ${file.batch}, and this is ${batch}`);
  return file.picks;
}

// The picks as a spreadsheet reads them: a row for each take of which something is said.
function picksCsv(takes, picks) {
  const rows = takes.filter((take) => pickWord(take, picks.of(take)) !== "undecided").map((take) => {
    const pick = picks.of(take);
    return [take.id, take.shot, pick.star ? 1 : 0, pick.rating, pick.rejected ? 1 : 0, pick.note, take.seed, take.cost,
      take.currency, take.prompt];
  });
  return [CSV_COLUMNS, ...rows].map((row) => row.map(csvCell).join(",")).join("\r\n") + "\r\n";
}

// A cell that a spreadsheet takes for text, though it begins like a formula.
function csvCell(value) {
  if (value === null || value === undefined) return "";
  if (typeof value === "number") return String(value);
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
