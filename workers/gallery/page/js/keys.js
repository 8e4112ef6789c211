// The keyboard: what a key does depends on what is open on top.

function listenToKeys(app) {
  document.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    if (isTyping(event.target)) {
      if (event.key === "Escape" && !app.large.isOpen && !app.compare.isOpen) event.target.blur();
      else if (event.key === "Escape" && event.target.matches("textarea")) {
        event.preventDefault();
        event.target.blur();
      }
      return;
    }
    const handler = app.compare.isOpen ? compareKey : app.large.isOpen ? largeKey : app.help.open ? null : gridKey;
    if (handler !== null && (handler(app, event) || (handler !== compareKey && pickKey(app, event)))) event.preventDefault();
  });
}

const ARROWS = {
  ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1], h: [-1, 0], l: [1, 0], k: [0, -1], j: [0, 1],
};

function gridKey(app, event) {
  const { key } = event;
  const onControl = event.target instanceof HTMLElement && event.target.closest("button, a, summary, input");
  if (onControl && (key === " " || key === "Enter")) return false;
  if (key in ARROWS) return app.go(...ARROWS[key]);
  if (key === "PageDown" || key === "PageUp") return app.go(0, app.view.page() * (key === "PageDown" ? 1 : -1));
  if (key === "Home" || key === "End") return app.goTo(app.view.order()[key === "Home" ? 0 : app.view.order().length - 1]);
  const does = {
    Enter: () => app.focus && app.open(app.focus),
    " ": () => app.playHere(),
    "+": () => app.resize(1.2),
    "=": () => app.resize(1.2),
    "-": () => app.resize(1 / 1.2),
    m: () => app.set({ view: app.wanted.view === "grid" ? "matrix" : "grid" }),
    g: () => app.set({ byShot: !app.byShot }),
    f: () => app.toggleFacets(),
    "/": () => app.parts.search.focus(),
    t: () => app.turnTheme(),
    v: () => app.openCompare(),
    e: () => app.exportJson(),
    "?": () => app.help.showModal(),
    "[": () => app.stepCell(-1),
    "]": () => app.stepCell(1),
    Escape: () => (app.marks.length ? app.unmarkAll() : app.preview.leave()),
  }[key];
  if (does === undefined) return false;
  does();
  return true;
}

function largeKey(app, event) {
  const { key } = event;
  const { transport } = app.large;
  const onControl = event.target instanceof HTMLElement && event.target.closest("button, a, input");
  if (onControl && (key === " " || key === "Enter")) return false;
  if (event.target.type === "range" && key.startsWith("Arrow")) return false;
  const does = {
    ArrowLeft: () => app.openNext(-1),
    ArrowRight: () => app.openNext(1),
    h: () => app.openNext(-1),
    ArrowDown: () => app.openNext(1),
    ArrowUp: () => app.openNext(-1),
    j: () => app.openNext(1),
    k: () => app.openNext(-1),
    v: () => app.openCompare(),
    n: () => app.large.details.querySelector("textarea").focus(),
    "?": () => app.help.showModal(),
    ...transportKeys(app, transport),
  }[key];
  if (does === undefined) return false;
  does();
  return true;
}

function compareKey(app, event) {
  const { key } = event;
  if (event.target.type === "range" && key.startsWith("Arrow")) return false;
  const onControl = event.target instanceof HTMLElement && event.target.closest("button, input");
  if (onControl && (key === " " || key === "Enter")) return false;
  const { transport } = app.compare;
  const does = { ...transportKeys(app, transport), ArrowLeft: () => transport && transport.step(-1),
    ArrowRight: () => transport && transport.step(1) }[key];
  if (does === undefined) return false;
  does();
  return true;
}

function transportKeys(app, transport) {
  if (!transport) return {};
  return {
    " ": () => transport.toggle(),
    ",": () => transport.step(-1),
    ".": () => transport.step(1),
    Home: () => transport.goTo(0),
    End: () => transport.goTo(transport.frames - 1),
    l: () => app.loop(!app.looping),
    u: () => app.sound(!app.sounds),
  };
}

function pickKey(app, event) {
  const take = app.large.isOpen ? app.large.take : app.focus;
  if (!take) return false;
  const { key } = event;
  if (key === "s") app.pick([take], starring);
  else if (key === "x") app.pick([take], rejecting);
  else if (key >= "1" && key <= "5" && key.length === 1) app.pick([take], rating(Number(key)));
  else if (key === "0") app.pick([take], () => ({ star: false, rating: null, rejected: false }));
  else if (key === "c") app.mark(take);
  else if (key === "z") app.undo();
  else if (key === "n") app.open(take, true);
  else return false;
  return true;
}
