// The grid: only the rows in sight are in the page, whatever their number.

const GAP = 14;
const CAPTION = 46;
const HEAD = 44;
const BEYOND = 500;

class Grid {
  constructor(app) {
    this.app = app;
    this.sizer = el("div", { class: "sizer" });
    this.scroller = el("div", { class: "scroller", role: "grid", "aria-label": "Takes", "aria-multiselectable": "true" }, this.sizer);
    this.element = this.scroller;
    this.live = new Map();
    this.rows = [];
    this.scroller.addEventListener("scroll", () => this.draw(), { passive: true });
    listenToCells(app, this.scroller);
    new ResizeObserver(() => this.render(true)).observe(this.scroller);
  }

  // Lay everything out anew. `keep` says that the same takes stay in sight.
  render(keep) {
    const space = this.scroller.clientWidth - 2 * GAP;
    if (space <= 0) return;
    const anchor = keep ? this.topTake() : null;
    const { columns, width } = columnsFor(space, this.app.size, GAP);
    this.columns = columns;
    this.cellWidth = width;
    const rowHeight = Math.round(width / this.app.shape) + CAPTION + GAP;
    const groups = grouped(this.app.shown, this.app.byShot && this.app.batch.shots.length > 1);
    const { rows, height } = gridRows(groups, columns, rowHeight, HEAD);
    this.rows = rows;
    this.rowOf = new Map();
    rows.forEach((row, at) => row.takes && row.takes.forEach((take, column) => this.rowOf.set(take, [at, column])));
    for (const element of this.live.values()) dropCell(this.app, element);
    this.live.clear();
    this.sizer.style.setProperty("height", `${height + GAP}px`);
    this.scroller.style.setProperty("--columns", columns);
    this.scroller.style.setProperty("--frame", `${rowHeight - CAPTION - GAP}px`);
    this.scroller.setAttribute("aria-rowcount", rows.length);
    this.scroller.setAttribute("aria-colcount", columns);
    if (anchor && this.rowOf.has(anchor)) this.scroller.scrollTop = rows[this.rowOf.get(anchor)[0]].top;
    else if (!keep) this.scroller.scrollTop = 0;
    this.draw();
  }

  topTake() {
    const [first] = rowsBetween(this.rows, this.scroller.scrollTop, this.scroller.scrollTop + 1);
    const row = this.rows[first];
    return this.scroller.scrollTop > 0 && row && row.takes ? row.takes[0] : null;
  }

  draw() {
    const top = this.scroller.scrollTop;
    const [first, end] = rowsBetween(this.rows, top - BEYOND, top + this.scroller.clientHeight + BEYOND);
    for (const [at, element] of this.live) {
      if (at < first || at >= end) {
        dropCell(this.app, element);
        this.live.delete(at);
      }
    }
    for (let at = first; at < end; at += 1) if (!this.live.has(at)) this.live.set(at, this.place(at));
  }

  place(at) {
    const row = this.rows[at];
    const element = row.head !== null
      ? el("div", { class: "row head", role: "row", "aria-rowindex": at + 1 },
        el("h2", { role: "gridcell" }, row.head.label, el("span", { class: "count" }, counted(row.head.takes.length, "take"))))
      : el("div", { class: "row", role: "row", "aria-rowindex": at + 1 }, row.takes.map((take) => cellOf(this.app, take)));
    element.style.setProperty("top", `${row.top}px`);
    this.sizer.append(element);
    return element;
  }

  drawn() {
    return this.sizer.querySelectorAll(".cell");
  }

  // Bring a take into sight, and return its cell.
  reveal(take) {
    const found = this.rowOf && this.rowOf.get(take);
    if (!found) return null;
    const row = this.rows[found[0]];
    const view = this.scroller;
    if (row.top < view.scrollTop) view.scrollTop = Math.max(0, row.top - GAP);
    else if (row.top + row.height > view.scrollTop + view.clientHeight) view.scrollTop = row.top + row.height - view.clientHeight + GAP;
    this.draw();
    return this.live.get(found[0]).children[found[1]];
  }

  // The take so many to the right and rows below, or null.
  next(take, right, down) {
    const found = this.rowOf.get(take);
    if (!found) return this.app.shown[0] || null;
    if (down === 0) return this.order()[this.order().indexOf(take) + right] || null;
    let at = found[0];
    for (let left = Math.abs(down); left > 0; left -= 1) {
      let next = at + Math.sign(down);
      while (this.rows[next] && !this.rows[next].takes) next += Math.sign(down);
      if (!this.rows[next]) break;
      at = next;
    }
    const takes = this.rows[at].takes;
    return takes[Math.min(found[1], takes.length - 1)];
  }

  order() {
    if (this.ordered !== this.rows) {
      this.ordered = this.rows;
      this.list = this.rows.flatMap((row) => row.takes || []);
    }
    return this.list;
  }

  page() {
    const height = this.rows.find((row) => row.takes);
    return height ? Math.max(1, Math.floor(this.scroller.clientHeight / height.height)) : 1;
  }
}
