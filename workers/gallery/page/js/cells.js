// One take as a cell, in the grid as in the matrix.

const TAKE_OF = new WeakMap();

// `more` is what a cell of the matrix has besides: how many takes it stacks, which of them this is, and its caption.
function cellOf(app, take, more) {
  const stacked = more && more.count > 1;
  const cell = el("div", { class: "cell", role: "gridcell", tabindex: -1, "data-state": take.state },
    frameOf(app, take),
    stacked ? button(`${more.at + 1} of ${more.count}`, "Next take of this cell  ]", null, { class: "stack", tabindex: -1 }) : null,
    take.shows ? button("", "Compare  c", null, { class: "tick", tabindex: -1, "aria-label": "Compare" }) : null,
    el("div", { class: "caption" },
      el("div", { class: "what", title: take.prompt }, captionOf(app, take, more)),
      el("div", { class: "facts" }, factsOf(app, take, more)),
      take.shows ? button("", "Star  s", null, { class: "star", tabindex: -1, "aria-label": "Star" }) : null));
  TAKE_OF.set(cell, take);
  touchCell(app, cell);
  return cell;
}

// The seed stands with the facts: at the end of a long caption it would be the first to be cut off.
function captionOf(app, take, more) {
  if (more && more.caption !== undefined) return more.caption;
  const values = valuesOf(take, app.varied, "seed");
  return values.length ? values.join(" · ") : take.prompt;
}

function factsOf(app, take, more) {
  const parts = [String(take.number).padStart(4, "0")];
  if (app.varied.has("seed") && take.seed != null && !(more && more.caption !== undefined)) parts.push(`seed ${take.seed}`);
  if (take.cost != null) parts.push(money(take.cost, take.currency));
  if (take.rendered != null) parts.push(seconds(take.rendered));
  if (take.besides) parts.push("besides");
  if (take.old) parts.push("earlier edition");
  return parts.join("  ·  ");
}

function frameOf(app, take) {
  if (!take.shows) {
    return el("div", { class: "frame gap" },
      el("div", { class: "gap-word" }, STATE_WORDS[take.state]),
      take.why ? el("div", { class: "gap-why", title: take.why }, take.why) : null);
  }
  const frame = el("div", { class: "frame" });
  frame.append(stillAt(pictureOf(app.batch, take), () => {
    frame.classList.add("gap");
    frame.append(el("div", { class: "gap-word" }, "The picture is not there"),
      el("div", { class: "gap-why" }, app.expired() ? "The links of this page have expired." : pictureOf(app.batch, take)));
  }));
  return frame;
}

// Show what a person thinks of the take, and whether it is looked at or compared, as it is by now.
function touchCell(app, cell) {
  const take = TAKE_OF.get(cell);
  const pick = app.picks.of(take);
  cell.classList.toggle("starred", pick.star && !pick.rejected);
  cell.classList.toggle("rejected", pick.rejected);
  cell.classList.toggle("marked", app.marks.includes(take));
  cell.classList.toggle("here", app.focus === take);
  cell.tabIndex = app.focus === take ? 0 : -1;
  cell.setAttribute("aria-label", sentenceOf(take, pick, app.varied));
  cell.setAttribute("aria-selected", String(app.marks.includes(take)));
  const caption = cell.lastElementChild;
  const old = caption.querySelector(".verdict");
  if (old) old.remove();
  const verdict = verdictOf(pick);
  if (verdict) caption.append(verdict);
}

function verdictOf(pick) {
  if (!pick.rating && !pick.note && !pick.rejected) return null;
  return el("div", { class: "verdict" },
    pick.rejected ? "rejected" : null,
    pick.rating ? el("span", { class: "rating", "aria-label": `${pick.rating} of 5` }, "●".repeat(pick.rating),
      el("span", { class: "rest" }, "●".repeat(5 - pick.rating))) : null,
    pick.note ? el("span", { class: "has-note", title: pick.note }, icon("note")) : null);
}

const starring = (pick) => ({ star: !pick.star, rejected: false });
const rejecting = (pick) => ({ rejected: !pick.rejected, star: pick.rejected ? pick.star : false });
const rating = (number) => (pick) => ({ rating: pick.rating === number ? null : number, rejected: false });

// Let go of a cell that is out of sight.
function dropCell(app, element) {
  if (element.contains(app.preview.frame)) app.preview.leave();
  for (const still of element.querySelectorAll(".still")) dropStill(still);
  element.remove();
}

// A scroller tells by one set of listeners what happens to its cells.
function listenToCells(app, scroller) {
  const cellAt = (event) => event.target.closest(".cell");
  scroller.addEventListener("pointerover", (event) => {
    const cell = cellAt(event);
    if (cell && event.pointerType === "mouse") app.preview.over(cell.firstElementChild, TAKE_OF.get(cell), false);
    else if (!cell) app.preview.leave();
  });
  scroller.addEventListener("pointerleave", () => app.preview.leave());
  scroller.addEventListener("click", (event) => {
    const cell = cellAt(event);
    if (!cell) return;
    const take = TAKE_OF.get(cell);
    app.focusOn(take);
    const on = event.target.closest(".star, .tick, .stack");
    if (on && on.matches(".star")) app.pick([take], starring);
    else if (on && on.matches(".stack")) app.stepCell(1);
    else if (on) app.mark(take);
    else if (event.ctrlKey || event.metaKey || event.shiftKey) app.mark(take);
    else app.open(take);
  });
}
