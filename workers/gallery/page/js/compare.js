// Up to four takes beside each other, played in step and gone through frame by frame.

const MOST_COMPARED = 4;

class Compare {
  constructor(app) {
    this.app = app;
    this.stage = el("div", { class: "compare-stage" });
    this.foot = el("div", { class: "compare-foot" });
    this.head = el("div", { class: "compare-head" });
    this.element = el("dialog", { class: "compare", "aria-label": "Takes compared" }, this.head, this.stage, this.foot);
    this.element.addEventListener("close", () => this.stop());
    this.transport = null;
  }

  get isOpen() {
    return this.element.open;
  }

  show(takes, mode) {
    const [at, playing] = this.transport === null ? [0, !stillness.matches] : [this.transport.frame, this.transport.playing];
    this.stop();
    this.takes = takes;
    this.mode = mode;
    this.differing = differences(takes);
    const modes = takes.length === 2 ? [["beside", "Side by side"], ["difference", "Difference"], ["seam", "Seam"]] : [];
    fill(this.head,
      el("div", { class: "segments", role: "group", "aria-label": "How" }, modes.map(([name, label]) => button(label, MODE_HINTS[name],
        () => this.show(takes, name), { "aria-pressed": String(name === mode) }))),
      el("span", { class: "dim grow" }, MODE_HINTS[mode]),
      button("Clear", "Compare others", () => {
        this.app.unmarkAll();
        this.element.close();
      }, { class: "quiet" }),
      button(icon("close"), "Close  Esc", () => this.element.close(), { class: "bare", "aria-label": "Close" }));
    this.stage.dataset.count = takes.length;
    this.stage.dataset.mode = mode;
    if (mode === "seam") {
      const first = firstFrame(this.app, takes[1]);
      this.stills = [first];
      fill(this.stage, this.figure(takes[0], lastFrame(this.app, takes[0]), "last frame"), this.figure(takes[1], first, "first frame"));
      fill(this.foot, button("swap", "The other way round", () => this.show([takes[1], takes[0]], mode), { class: "quiet" }));
    } else {
      const tracks = takes.map((take) => trackOf(this.app.batch, take, sentenceOf(take, this.app.picks.of(take), this.app.varied)));
      this.transport = new Transport(tracks, () => this.app.looping);
      fill(this.stage, takes.map((take, i) => this.figure(take, tracks[i].video, "")));
      fill(this.foot, transportBar(this.app, this.transport));
      if (playing) this.transport.play();
      else if (at > 0) this.transport.goTo(at);
    }
    showDialog(this.element);
  }

  figure(take, picture, what) {
    picture.addEventListener("click", () => this.transport && this.transport.toggle());
    const figure = el("figure", {}, el("div", { class: "screen" }, picture), el("figcaption", {}));
    figure.take = take;
    figure.what = what;
    this.caption(figure);
    return figure;
  }

  caption(figure) {
    const { take, what } = figure;
    const pick = this.app.picks.of(take);
    const values = this.differing.map((read) => read(take)).filter(Boolean);
    fill(figure.lastElementChild,
      el("span", { class: "what", title: take.prompt }, [what, ...values].filter(Boolean).join(" · ") || titleOf(take, this.app.varied)),
      el("span", { class: "facts" }, factsOf(this.app, take)),
      button("", "Star", () => this.app.pick([take], starring), { class: "star", "aria-pressed": String(pick.star), "aria-label": "Star" }),
      el("span", { class: "scale" }, [1, 2, 3, 4, 5].map((number) => button(String(number), `Rate it ${number}`,
        () => this.app.pick([take], rating(number)), { class: pick.rating >= number ? "on" : null, "aria-pressed": String(pick.rating === number) }))),
      button(icon("close"), "Take it out", () => this.without(take), { class: "bare", "aria-label": "Take it out" }));
  }

  without(take) {
    if (this.app.marks.includes(take)) this.app.mark(take);
    const left = this.takes.filter((each) => each !== take);
    if (left.length === 0) this.element.close();
    else this.show(left, "beside");
  }

  touch() {
    if (this.element.open) for (const figure of this.stage.querySelectorAll("figure")) this.caption(figure);
  }

  stop() {
    if (this.transport) this.transport.close();
    for (const video of this.stills || []) {
      video.removeAttribute("src");
      video.load();
    }
    this.transport = null;
    this.stills = [];
    fill(this.stage);
  }
}

const MODE_HINTS = {
  beside: "In step; , and . go frame by frame",
  difference: "What is the same is black",
  seam: "The last frame of the one, the first of the other",
};

// What tells these takes apart, in readers of it: their shots, and the axes in which they differ.
function differences(takes) {
  const readers = [];
  if (new Set(takes.map((take) => take.shot)).size > 1) readers.push((take) => take.shot);
  const axes = [...new Set(takes.flatMap((take) => take.axes))];
  for (const axis of axes) {
    if (new Set(takes.map((take) => String(take.values[axis]))).size > 1) {
      readers.push((take) => (axis in take.values ? spoken(axis, take.values[axis]) : null));
    }
  }
  return readers;
}
