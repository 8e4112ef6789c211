// The page put together: what is wanted, what is shown, and who is told when that changes.

const SMALLEST = 110;
const LARGEST = 640;

class App {
  constructor(batch) {
    this.batch = batch;
    this.keeper = new Keeper(batch.id, batch.serve);
    this.picks = new Picks(batch.batch, batch.picks, this.keeper.read("picks"),
      (changed, picks) => this.keeper.keepPicks(changed, picks, (text) => this.say(text, true)), () => Date.now());
    this.dimensions = dimensionsOf(batch, batch.takes);
    this.varied = new Set(this.dimensions.filter((each) => each.values.length > 1).flatMap((each) => each.axes));
    this.facets = facetsOf(batch, this.dimensions);
    this.shape = usualShape(batch.takes);
    const kept = this.keeper.read("view") || {};
    this.size = clamp(kept.size || (window.innerWidth < 640 ? 160 : 232), SMALLEST, LARGEST);
    this.byShot = kept.byShot !== false;
    this.looping = kept.looping !== false;
    this.sounds = false;
    this.wanted = { view: "grid", query: "", sort: "manifest", reversed: false, old: false, facets: {} };
    this.matrix = { ...firstMatrix(this.dimensions), at: null };
    this.openFacets = new Map();
    this.marks = [];
    this.focus = null;
    this.readHash();
  }

  start() {
    this.preview = new Preview(this.batch);
    this.large = new Large(this);
    this.compare = new Compare(this);
    this.help = helpDialog();
    this.parts = { facets: document.getElementById("facets"), stage: document.getElementById("takes"), tray: document.getElementById("tray"),
      said: document.getElementById("said"), bar: document.getElementById("bar") };
    this.theme(this.keeper.read("theme") || "auto");
    this.renderBar();
    this.grid = new Grid(this);
    this.table = new Matrix(this);
    document.body.append(this.large.element, this.compare.element, this.help);
    listenToKeys(this);
    window.addEventListener("hashchange", () => {
      this.readHash();
      this.parts.search.value = this.wanted.query;
      this.refresh();
    });
    window.addEventListener("pagehide", () => this.large.isOpen && this.large.saveNote());
    this.parts.facets.classList.toggle("shut", this.keeper.read("facets") === "shut" || window.innerWidth < 900);
    this.refresh();
    if (this.keeper.refused) this.say("This browser keeps nothing for pages like this one: export your picks before you leave.", true);
  }

  get view() {
    return this.wanted.view === "matrix" ? this.table : this.grid;
  }

  // --- What is shown ------------------------------------------------------------------------------------------------

  set(change) {
    if ("byShot" in change) {
      this.byShot = change.byShot;
      this.keepView();
    }
    for (const [key, value] of Object.entries(change)) if (key in this.wanted) this.wanted[key] = value;
    this.refresh();
  }

  filter(key, values) {
    this.wanted.facets = { ...this.wanted.facets, [key]: values };
    this.refresh();
  }

  clearFilters() {
    this.parts.search.value = "";
    Object.assign(this.wanted, { query: "", facets: {}, old: false });
    this.refresh();
  }

  isFiltered() {
    return this.wanted.query.trim() !== "" || Object.values(this.wanted.facets).some((values) => values.length > 0);
  }

  refresh(keep) {
    const pickOf = (take) => this.picks.of(take);
    const test = parseQuery(this.wanted.query, [...this.batch.axes.keys()]);
    const { shown, counts } = filtered(this.batch, this.facets, { ...this.wanted, test, pickOf });
    this.shown = sorted(shown, this.wanted.sort, this.wanted.reversed, pickOf);
    this.preview.leave();
    if (this.parts.stage.firstElementChild !== this.view.element) fill(this.parts.stage, this.view.element);
    this.view.render(keep);
    this.showEmpty();
    renderFacets(this, counts);
    this.renderState();
    this.writeHash();
  }

  showEmpty() {
    const old = this.parts.stage.querySelector(".empty");
    if (old) old.remove();
    if (this.shown.length > 0) return;
    const nothing = this.batch.takes.length === 0;
    this.parts.stage.append(el("div", { class: "empty" },
      el("p", {}, nothing ? "This batch has no takes to show yet." : "No take is like that."),
      nothing ? null : button("Show all", "Clear search and filters", () => this.clearFilters(), {})));
  }

  renderBar() {
    const { batch } = this;
    this.parts.search = el("input", { type: "search", placeholder: "Search  /", "aria-label": "Search", value: this.wanted.query, autocomplete: "off",
      spellcheck: "false", title: 'Words, "phrases", -not, seed:42, cost<0.3, is:starred', oninput: (event) => this.search(event.target.value) });
    this.parts.sort = el("select", { "aria-label": "Sort by", onchange: (event) => this.set({ sort: event.target.value, reversed: false }) },
      Object.entries(SORTS).map(([key, sort]) => el("option", { value: key }, sort.label)));
    this.parts.turn = button("↑", "The other way round", () => this.set({ reversed: !this.wanted.reversed }), { class: "bare", "aria-label": "The other way round" });
    this.parts.size = el("input", { type: "range", min: SMALLEST, max: LARGEST, value: this.size, "aria-label": "Size", title: "Size  + −",
      oninput: (event) => this.resizeTo(Number(event.target.value)) });
    this.parts.views = el("div", { class: "segments", role: "group", "aria-label": "View" },
      ["grid", "matrix"].map((name) => button(name === "grid" ? "Grid" : "Matrix", `${name === "grid" ? "Grid" : "Matrix"}  m`, () => this.set({ view: name }), { "data-view": name })));
    this.parts.count = el("span", { class: "shown-count" });
    const more = el("details", { class: "menu" }, el("summary", { title: "More" }, "More"), el("div", { class: "menu-body" },
      menuItem("Export picks as JSON", () => this.exportJson()),
      menuItem("Export picks as CSV", () => saveFile(`${batch.batch}-picks.csv`, "text/csv", picksCsv(batch.takes, this.picks))),
      menuItem("Read picks from a file…", () => this.importPicks()),
      el("label", { class: "facet-line" }, el("input", { type: "checkbox", checked: this.byShot, onchange: (event) => this.set({ byShot: event.target.checked }) }), "Group by shot"),
      menuItem("Dark, light, or as the system", () => this.turnTheme()),
      menuItem("Keys and searches  ?", () => this.help.showModal())));
    document.addEventListener("click", (event) => {
      if (more.open && (!more.contains(event.target) || event.target.closest(".menu-body button"))) more.open = false;
    });
    const summary = summaryOf(batch);
    fill(this.parts.bar,
      el("div", { class: "bar-line" },
        button(icon("filter"), "Filters  f", () => this.toggleFacets(), { class: "bare", "aria-label": "Filters" }),
        el("h1", { title: `${batch.provider}, ${batch.model}` }, batch.batch),
        el("p", { class: "summary" }, summary.map((part, i) => el("span", {}, i ? el("i", { "aria-hidden": "true" }, "·  ") : null, part))),
        this.parts.views),
      el("div", { class: "bar-line" },
        this.parts.search, this.parts.count, el("span", { class: "grow" }), this.parts.sort, this.parts.turn, this.parts.size, more),
      this.notices());
  }

  notices() {
    const { batch } = this;
    const told = [];
    if (batch.unshown) told.push(`${batch.unshown.toLocaleString("en")} takes that only wait are not shown.`);
    if (batch.until) {
      told.push(this.expired() ? "The links of this page have expired: write it anew with rushes gallery --presign."
        : `The links of this page hold until ${moment(batch.until)}.`);
    }
    return told.map((text) => el("p", { class: "notice" }, text));
  }

  expired() {
    return Boolean(this.batch.until) && Date.now() / 1000 > this.batch.until;
  }

  renderState() {
    const { parts } = this;
    const all = this.shown.length === this.batch.takes.length;
    parts.count.textContent = all ? counted(this.shown.length, "take") : `${this.shown.length.toLocaleString("en")} of ${counted(this.batch.takes.length, "take")}`;
    const starred = this.picks.count(this.batch.takes);
    if (starred) parts.count.textContent += `, ${starred.toLocaleString("en")} starred`;
    parts.sort.value = this.wanted.sort;
    parts.turn.textContent = Boolean((SORTS[this.wanted.sort] || {}).down) === this.wanted.reversed ? "↑" : "↓";
    for (const each of parts.views.children) each.setAttribute("aria-pressed", String(each.dataset.view === this.wanted.view));
    this.renderTray();
  }

  renderTray() {
    const { tray } = this.parts;
    tray.hidden = this.marks.length === 0;
    fill(tray, this.marks.map((take) => el("span", { class: "chip" }, el("img", { src: pictureOf(this.batch, take), alt: "" }),
      el("span", { class: "chip-text" }, titleOf(take, this.varied)), button(icon("close"), "Take it out", () => this.mark(take), { class: "bare", "aria-label": "Take it out" }))),
    el("span", { class: "grow" }), this.marks.length < 2 ? el("span", { class: "dim" }, `Mark up to ${MOST_COMPARED} with c`) : null,
    button("Clear", "Take all out", () => this.unmarkAll(), { class: "quiet" }),
    button(`Compare ${this.marks.length}`, "Compare  v", () => this.openCompare(), { class: "primary" }));
  }

  search(text) {
    this.wanted.query = text;
    cancelAnimationFrame(this.searching);
    this.searching = requestAnimationFrame(() => this.refresh());
    clearTimeout(this.saying);
    this.saying = setTimeout(() => this.say(`${counted(this.shown.length, "take")} shown`), 700);
  }

  setMatrix(change) {
    const before = { ...this.matrix };
    Object.assign(this.matrix, change);
    // An axis has one place: who takes another's gives it his own.
    for (const name of ["x", "y", "z"]) {
      if (!(name in change) || Object.keys(change).length > 1) continue;
      for (const other of ["x", "y", "z"]) if (other !== name && this.matrix[other] === this.matrix[name]) this.matrix[other] = before[name];
    }
    if ("z" in change) this.matrix.at = null;
    this.refresh("at" in change);
  }

  // --- Where one is -------------------------------------------------------------------------------------------------

  go(right, down) {
    const next = this.focus ? this.view.next(this.focus, right, down) : this.view.order()[0];
    return this.goTo(next);
  }

  goTo(take) {
    if (!take) return true;
    this.preview.leave();
    this.focusOn(take);
    return true;
  }

  focusOn(take, quietly) {
    this.focus = take;
    const cell = this.view.reveal(take);
    this.touch();
    if (cell && !this.large.isOpen && !this.compare.isOpen && !quietly) cell.focus({ preventScroll: true });
  }

  playHere() {
    if (!this.focus) return;
    const cell = this.view.reveal(this.focus);
    if (cell === null) return;
    const frame = cell.querySelector(".frame");
    if (this.preview.frame === frame) this.preview.leave();
    else this.preview.over(frame, this.focus, true);
  }

  stepCell(by) {
    if (this.view === this.table && this.focus) this.table.stepAt(this.focus, by);
  }

  open(take, withNote) {
    this.preview.leave();
    this.focus = take;
    this.large.show(take);
    this.touch();
    if (withNote) this.large.details.querySelector("textarea").focus();
  }

  openNext(by) {
    const order = this.view.order();
    const next = order[order.indexOf(this.large.take) + by];
    if (!next) return;
    this.large.saveNote();
    this.open(next);
  }

  // --- What is thought of it ------------------------------------------------------------------------------------------

  pick(takes, change) {
    this.picks.change(takes, change);
    this.afterPicks();
    this.say(takes.map((take) => sentenceOf(take, this.picks.of(take), this.varied)).join("; "));
  }

  undo() {
    const ids = this.picks.undo();
    this.afterPicks();
    this.say(ids.length ? "taken back" : "nothing to take back");
  }

  // The order and the filters stay as they are until something else changes: a take that is rated runs away from nobody.
  afterPicks() {
    this.touch();
    this.large.touch();
    this.compare.touch();
    this.renderState();
  }

  touch() {
    for (const cell of this.parts.stage.querySelectorAll(".cell")) touchCell(this, cell);
  }

  mark(take) {
    if (!take.shows) return;
    if (this.marks.includes(take)) this.marks = this.marks.filter((each) => each !== take);
    else this.marks = [...this.marks, take].slice(-MOST_COMPARED);
    this.touch();
    this.large.touch();
    this.renderTray();
  }

  unmarkAll() {
    this.marks = [];
    this.touch();
    this.renderTray();
  }

  openCompare() {
    const takes = this.marks.length ? this.marks : [];
    if (takes.length === 0) {
      this.say("Mark takes with c to compare them.", true);
      return;
    }
    if (this.large.isOpen) this.large.element.close();
    this.preview.leave();
    this.compare.show(takes, "beside");
  }

  exportJson() {
    saveFile(`${this.batch.batch}-picks.json`, "application/json", `${JSON.stringify(this.picks.toJson(), null, 2)}\n`);
  }

  importPicks() {
    const input = el("input", { type: "file", accept: ".json,application/json" });
    input.addEventListener("change", async () => {
      try {
        const changed = this.picks.merge(readPicksFile(await input.files[0].text(), this.batch.batch));
        this.keeper.keepPicks(Object.fromEntries(this.picks.found), this.picks, (text) => this.say(text, true));
        this.afterPicks();
        this.say(`${counted(changed, "pick")} read`, true);
      } catch (error) {
        this.say(`Nothing was read: ${error.message}`, true);
      }
    });
    input.click();
  }

  // --- How it looks -------------------------------------------------------------------------------------------------

  resize(by) {
    this.resizeTo(Math.round(this.size * by));
  }

  resizeTo(size) {
    this.size = clamp(size, SMALLEST, LARGEST);
    this.parts.size.value = this.size;
    this.keepView();
    cancelAnimationFrame(this.sizing);
    this.sizing = requestAnimationFrame(() => this.view.render(true));
  }

  keepView() {
    this.keeper.write("view", { size: this.size, byShot: this.byShot, looping: this.looping });
  }

  loop(on) {
    this.looping = on;
    for (const box of document.querySelectorAll(".switch input")) box.checked = on;
    this.keepView();
  }

  sound(on) {
    this.sounds = on;
    for (const each of [this.large, this.compare]) if (each.transport) each.transport.onchange();
  }

  theme(name) {
    this.themeName = name;
    document.documentElement.dataset.theme = name;
    this.keeper.write("theme", name);
  }

  turnTheme() {
    const names = ["auto", "dark", "light"];
    this.theme(names[(names.indexOf(this.themeName) + 1) % 3]);
    this.say({ auto: "As the system", dark: "Dark", light: "Light" }[this.themeName], true);
  }

  toggleFacets(open) {
    const shut = open === undefined ? !this.parts.facets.classList.contains("shut") : !open;
    this.parts.facets.classList.toggle("shut", shut);
    this.keeper.write("facets", shut ? "shut" : "open");
  }

  say(text, loud) {
    this.parts.said.textContent = text;
    this.parts.said.classList.toggle("loud", Boolean(loud));
    clearTimeout(this.silence);
    this.silence = setTimeout(() => this.parts.said.classList.remove("loud"), 5000);
  }

  async copy(text) {
    try {
      await navigator.clipboard.writeText(text);
      this.say("copied", true);
    } catch (error) {
      this.say(text, true);
    }
  }

  // --- The address ----------------------------------------------------------------------------------------------------

  writeHash() {
    const { view, query, sort, reversed, old, facets } = this.wanted;
    const state = new URLSearchParams();
    if (view !== "grid") state.set("view", view);
    if (query) state.set("q", query);
    if (sort !== "manifest") state.set("sort", sort);
    if (reversed) state.set("reversed", "1");
    if (old) state.set("old", "1");
    for (const [key, values] of Object.entries(facets)) if (values.length) state.set(`f.${key}`, JSON.stringify(values));
    if (view === "matrix") for (const [key, value] of Object.entries(this.matrix)) state.set(key, value === null ? "" : value);
    const hash = state.toString();
    if (`#${hash}` !== window.location.hash) window.history.replaceState(null, "", hash ? `#${hash}` : window.location.pathname + window.location.search);
  }

  readHash() {
    const state = new URLSearchParams(window.location.hash.slice(1));
    const { wanted } = this;
    wanted.view = state.get("view") === "matrix" ? "matrix" : "grid";
    wanted.query = state.get("q") || "";
    wanted.sort = state.get("sort") in SORTS ? state.get("sort") : "manifest";
    wanted.reversed = state.has("reversed");
    wanted.old = state.has("old");
    wanted.facets = {};
    for (const facet of this.facets) {
      const values = parsed(state.get(`f.${facet.key}`));
      if (Array.isArray(values) && values.length) wanted.facets[facet.key] = values.filter((value) => facet.values.includes(value));
    }
    for (const name of ["x", "y", "z", "at"]) if (state.has(name)) this.matrix[name] = state.get(name) || null;
  }
}

function menuItem(label, does) {
  return button(label, "", does, { class: "menu-item", title: null });
}

function clamp(value, least, most) {
  return Math.min(most, Math.max(least, value));
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch (error) {
    return null;
  }
}

function begin(data, rows) {
  const app = new App(readBatch(data, rows));
  app.start();
  window.rushesReady = performance.now();
}

// A large batch has its rows in files beside the page: scripts, since a page on the disk may fetch nothing.
function load(data) {
  if (!data.parts) {
    begin(data, data.takes);
    return;
  }
  const parts = [];
  let came = 0;
  window.rushesRows = (at, rows) => {
    parts[at] = rows;
    came += 1;
    if (came === data.parts) begin(data, parts.flat());
  };
  for (let at = 0; at < data.parts; at += 1) {
    const script = document.createElement("script");
    script.src = `gallery-data-${at}.js`;
    script.addEventListener("error", () => {
      document.getElementById("takes").textContent = `gallery-data-${at}.js is not beside this page: copy it together with its files.`;
    });
    document.head.append(script);
  }
}

load(JSON.parse(document.getElementById("data").textContent));
