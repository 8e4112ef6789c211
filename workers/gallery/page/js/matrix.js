// The matrix: one axis across, one down, one in tabs. Only the cells in sight are in the page, in both directions.

const SIDE = 148;
const TOP = 34;

class Matrix {
  constructor(app) {
    this.app = app;
    this.controls = el("div", { class: "matrix-bar" });
    this.tabs = el("div", { class: "tabs", role: "tablist", "aria-label": "Values of Z" });
    this.corner = el("div", { class: "mx-corner" });
    this.top = el("div", { class: "mx-top" });
    this.side = el("div", { class: "mx-side" });
    this.body = el("div", { class: "mx-body" });
    this.sheet = el("div", { class: "mx-sheet" }, this.corner, this.top, this.side, this.body);
    this.scroller = el("div", { class: "scroller matrix", role: "grid", "aria-label": "Takes by their axes" }, this.sheet);
    this.element = el("div", { class: "matrix-view" }, this.controls, this.tabs, this.scroller);
    this.live = new Map();
    this.at = new Map();
    this.scroller.addEventListener("scroll", () => this.draw(), { passive: true });
    listenToCells(app, this.scroller);
    new ResizeObserver(() => this.draw()).observe(this.scroller);
  }

  render(keep) {
    const { app } = this;
    const of = (key) => app.dimensions.find((each) => each.key === key) || null;
    [this.x, this.y, this.z] = [of(app.matrix.x), of(app.matrix.y), of(app.matrix.z)];
    const zValues = this.z === null ? [] : this.z.values.filter((value) => app.shown.some((take) => this.z.of(take) === value));
    this.zValue = zValues.includes(app.matrix.at) ? app.matrix.at : zValues[0];
    Object.assign(this, matrixOf(app.shown, this.x, this.y, this.z, this.zValue, (take) => app.picks.of(take)));
    this.all = matrixOf(app.batch.takes.filter((take) => !take.old), this.x, this.y, this.z, this.zValue, () => NO_PICK).cells;
    this.width = app.size;
    this.height = Math.round(app.size / app.shape) + CAPTION;
    this.list = null;
    this.renderControls();
    this.renderTabs(zValues);
    for (const element of this.live.values()) dropCell(this.app, element);
    this.live.clear();
    this.ready = true;
    const [wide, high] = [this.columns.length * (this.width + GAP), this.rows.length * (this.height + GAP)];
    this.sheet.style.setProperty("width", `${wide + SIDE + GAP}px`);
    this.sheet.style.setProperty("height", `${high + TOP + GAP}px`);
    this.scroller.style.setProperty("--frame", `${this.height - CAPTION}px`);
    fill(this.corner, [this.y && this.y.label, this.x && this.x.label].filter(Boolean).join(" \\ "));
    this.scroller.setAttribute("aria-rowcount", this.rows.length + 1);
    this.scroller.setAttribute("aria-colcount", this.columns.length + 1);
    if (!keep) this.scroller.scrollTo(0, 0);
    this.draw();
  }

  renderControls() {
    const { app } = this;
    const select = (name, label) => el("label", {}, el("span", {}, label),
      el("select", { onchange: (event) => app.setMatrix({ [name]: event.target.value || null }) },
        el("option", { value: "" }, "none"),
        app.dimensions.map((each) => el("option", { value: each.key, selected: app.matrix[name] === each.key }, each.label))));
    fill(this.controls, select("x", "Across"), select("y", "Down"), select("z", "Tabs"),
      button("swap", "Swap across and down", () => app.setMatrix({ x: app.matrix.y, y: app.matrix.x }), { class: "quiet" }),
      this.leftOver() ? el("span", { class: "hint" }, `A cell stacks what differs in ${this.leftOver()}; step through it with [ and ]`) : null);
  }

  leftOver() {
    const used = new Set([this.x, this.y, this.z].filter(Boolean).map((each) => each.key));
    const left = this.app.dimensions.filter((each) => each.values.length > 1 && !used.has(each.key));
    return [...this.cells.values()].some((takes) => takes.length > 1) ? left.map((each) => each.label).join(", ") : "";
  }

  renderTabs(values) {
    this.tabs.hidden = values.length === 0;
    fill(this.tabs, values.map((value, i) => button(String(value), `${this.z.label}: ${value}`, () => this.app.setMatrix({ at: value }),
      { role: "tab", "aria-selected": String(value === this.zValue), tabindex: value === this.zValue ? 0 : -1, "data-i": i })));
    const here = this.tabs.querySelector("[aria-selected=true]");
    if (here) here.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  draw() {
    if (!this.ready || this.scroller.clientWidth === 0) return;
    const view = this.scroller;
    const [columns, rows] = [
      rangeBetween(this.width + GAP, this.columns.length, view.scrollLeft - BEYOND / 2, view.scrollLeft + view.clientWidth + BEYOND / 2),
      rangeBetween(this.height + GAP, this.rows.length, view.scrollTop - BEYOND / 2, view.scrollTop + view.clientHeight + BEYOND / 2),
    ];
    const wanted = new Set();
    for (let c = columns[0]; c < columns[1]; c += 1) wanted.add(`top ${c}`);
    for (let r = rows[0]; r < rows[1]; r += 1) {
      wanted.add(`side ${r}`);
      for (let c = columns[0]; c < columns[1]; c += 1) wanted.add(`${c} ${r}`);
    }
    for (const [key, element] of this.live) {
      if (!wanted.has(key)) {
        dropCell(this.app, element);
        this.live.delete(key);
      }
    }
    for (const key of wanted) if (!this.live.has(key)) this.live.set(key, this.place(key));
  }

  place(key) {
    const [a, b] = key.split(" ");
    if (a === "top") return this.heading(this.top, this.x, this.columns[b], "left", b * (this.width + GAP), this.width);
    if (a === "side") return this.heading(this.side, this.y, this.rows[b], "top", b * (this.height + GAP), this.height);
    const element = this.cell(Number(a), Number(b));
    element.style.setProperty("left", `${a * (this.width + GAP)}px`);
    element.style.setProperty("top", `${b * (this.height + GAP)}px`);
    element.style.setProperty("width", `${this.width}px`);
    this.body.append(element);
    return element;
  }

  heading(into, dimension, value, edge, offset, size) {
    const text = dimension === null ? "" : String(value);
    const element = el("div", { class: "mx-head", role: edge === "left" ? "columnheader" : "rowheader", title: text }, el("span", {}, text));
    element.style.setProperty(edge, `${offset}px`);
    element.style.setProperty(edge === "left" ? "width" : "height", `${size}px`);
    into.append(element);
    return element;
  }

  cell(column, row) {
    const key = cellKey(this.columns[column], this.rows[row]);
    const takes = this.cells.get(key);
    if (takes === undefined) {
      const hidden = this.all.has(key);
      return el("div", { class: "no-cell", role: "gridcell", "aria-label": hidden ? "filtered out" : "not in the sweep" },
        el("span", {}, hidden ? "filtered out" : "not in the sweep"));
    }
    const at = Math.min(this.at.get(key) || 0, takes.length - 1);
    return cellOf(this.app, takes[at], {
      count: takes.length, at, caption: this.captionOf(takes, at),
    });
  }

  captionOf(takes, at) {
    const used = new Set([this.x, this.y, this.z].filter(Boolean).flatMap((each) => each.axes));
    const rest = new Set([...this.app.varied].filter((axis) => !used.has(axis)));
    return valuesOf(takes[at], rest).join(" · ") || `${takes[at].shot} ${takes[at].number}`;
  }

  step(key, column, row, by) {
    const takes = this.cells.get(key);
    this.at.set(key, ((this.at.get(key) || 0) + by + takes.length) % takes.length);
    this.list = null;
    const id = `${column} ${row}`;
    if (this.live.has(id)) this.live.get(id).remove();
    this.live.set(id, this.place(id));
    this.app.focusOn(takes[this.at.get(key)], true);
  }

  // Step through the takes that are stacked in the cell of this one.
  stepAt(take, by) {
    const found = this.placeOf(take);
    if (found) this.step(found.key, found.column, found.row, by);
  }

  placeOf(take) {
    const [across, down] = [this.x === null ? "" : this.x.of(take), this.y === null ? "" : this.y.of(take)];
    const [column, row] = [this.columns.indexOf(across), this.rows.indexOf(down)];
    return column < 0 || row < 0 ? null : { column, row, key: cellKey(across, down) };
  }

  drawn() {
    return this.body.querySelectorAll(".cell");
  }

  reveal(take) {
    const found = this.placeOf(take);
    if (!found) return null;
    const at = (this.cells.get(found.key) || []).indexOf(take);
    if (at < 0) return null;
    const id = `${found.column} ${found.row}`;
    if ((this.at.get(found.key) || 0) !== at) {
      this.at.set(found.key, at);
      if (this.live.has(id)) {
        this.live.get(id).remove();
        this.live.delete(id);
      }
    }
    const view = this.scroller;
    const [left, top] = [found.column * (this.width + GAP), found.row * (this.height + GAP)];
    if (left < view.scrollLeft) view.scrollLeft = left;
    if (left + this.width + SIDE > view.scrollLeft + view.clientWidth) view.scrollLeft = left + this.width + SIDE + GAP - view.clientWidth;
    if (top < view.scrollTop) view.scrollTop = top;
    if (top + this.height + TOP > view.scrollTop + view.clientHeight) view.scrollTop = top + this.height + TOP + GAP - view.clientHeight;
    this.draw();
    return this.live.get(id) || null;
  }

  next(take, right, down) {
    const found = this.placeOf(take);
    if (!found) return this.order()[0] || null;
    let [column, row] = [found.column, found.row];
    for (let left = Math.max(Math.abs(right), Math.abs(down)); left > 0; left -= 1) {
      let [c, r] = [column + Math.sign(right), row + Math.sign(down)];
      while (this.columns[c] !== undefined && this.rows[r] !== undefined && !this.cells.has(cellKey(this.columns[c], this.rows[r]))) {
        c += Math.sign(right);
        r += Math.sign(down);
      }
      if (this.columns[c] === undefined || this.rows[r] === undefined) break;
      [column, row] = [c, r];
    }
    return this.lead(column, row);
  }

  lead(column, row) {
    const key = cellKey(this.columns[column], this.rows[row]);
    const takes = this.cells.get(key);
    return takes ? takes[Math.min(this.at.get(key) || 0, takes.length - 1)] : null;
  }

  order() {
    if (this.list === null) {
      this.list = this.rows.flatMap((_, row) => this.columns.flatMap((__, column) => {
        const lead = this.lead(column, row);
        const takes = this.cells.get(cellKey(this.columns[column], this.rows[row])) || [];
        return lead === null ? [] : [lead, ...takes.filter((take) => take !== lead)];
      }));
    }
    return this.list;
  }

  page() {
    return Math.max(1, Math.floor(this.scroller.clientHeight / (this.height + GAP)));
  }
}
