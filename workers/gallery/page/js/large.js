// One take, large: its video, what was asked, what it cost, and what the person thinks of it.

class Large {
  constructor(app) {
    this.app = app;
    this.stage = el("div", { class: "large-stage" });
    this.details = el("aside", { class: "details", "aria-label": "Details" });
    this.element = el("dialog", { class: "large", "aria-label": "A take" }, this.stage, this.details);
    this.element.addEventListener("close", () => this.closed());
    this.element.addEventListener("click", (event) => event.target === this.element && this.element.close());
    this.listenToSwipes();
  }

  get isOpen() {
    return this.element.open;
  }

  show(take) {
    this.stop();
    this.take = take;
    const { app } = this;
    const nav = el("div", { class: "large-nav" },
      button(icon("left"), "The take before  ←", () => app.openNext(-1), { class: "bare", "aria-label": "The take before" }),
      el("span", { class: "place" }, this.place()),
      button(icon("right"), "The next take  →", () => app.openNext(1), { class: "bare", "aria-label": "The next take" }),
      button(icon("close"), "Close  Esc", () => this.element.close(), { class: "bare", "aria-label": "Close" }));
    if (take.shows) {
      const track = trackOf(app.batch, take, sentenceOf(take, app.picks.of(take), app.varied));
      track.video.addEventListener("error", () => this.missing(track.video));
      track.video.addEventListener("click", () => this.transport.toggle());
      this.transport = new Transport([track], () => app.looping);
      const shape = take.width && take.height ? `${take.width} / ${take.height}` : "16 / 9";
      track.video.style.setProperty("aspect-ratio", shape);
      fill(this.stage, nav, el("div", { class: "screen" }, track.video), transportBar(app, this.transport));
      if (!stillness.matches) this.transport.play();
    } else {
      fill(this.stage, nav, el("div", { class: "screen gap" }, el("div", { class: "gap-word" }, STATE_WORDS[take.state]),
        el("div", { class: "gap-why" }, take.why || "")));
    }
    this.renderDetails();
    showDialog(this.element);
    this.details.scrollTop = 0;
  }

  place() {
    const order = this.app.view.order();
    const at = order.indexOf(this.take);
    return at < 0 ? "" : `${(at + 1).toLocaleString("en")} of ${order.length.toLocaleString("en")}`;
  }

  missing(video) {
    if (!video.getAttribute("src")) return;
    const why = this.app.expired() ? "The links of this page have expired: write it anew with rushes gallery --presign."
      : `The video is not there, or this browser can't play it: ${fileOf(this.app.batch, this.take, "video")}`;
    video.replaceWith(el("div", { class: "gap" }, el("div", { class: "gap-why" }, why)));
  }

  renderDetails() {
    const { app, take } = this;
    const varied = take.axes.map((axis) => [axis, String(take.values[axis])]);
    fill(this.details,
      el("h2", {}, `${take.shot} ${String(take.number).padStart(4, "0")}`),
      el("p", { class: "dim" }, varied.map(([, value]) => value).join(" · ")),
      this.verdict(),
      take.why && !take.shows ? el("section", { class: "reason" }, el("h3", {}, STATE_WORDS[take.state]), el("p", {}, take.why),
        take.kind ? el("p", { class: "dim" }, `class: ${take.kind}`) : null) : null,
      take.warnings.map((warning) => el("p", { class: "warning" }, warning)),
      el("section", {}, el("h3", {}, "Prompt", button("copy", "Copy the prompt", () => app.copy(take.prompt), { class: "quiet" })),
        el("p", { class: "prompt", dir: "auto" }, take.prompt)),
      this.seams(),
      el("section", {}, el("h3", {}, "Asked"), table([...varied.filter(([axis]) => axis !== "seed" && axis !== "prompt"),
        ["seed", take.seed], ...Object.entries(take.params)])),
      take.shows ? el("section", {}, el("h3", {}, "Came"), table(this.came())) : null,
      take.shows ? el("section", { class: "links" },
        fileLink(app, take, "video", "Video"), fileLink(app, take, "last", "Last frame"), fileLink(app, take, "receipt", "Receipt"),
        button("copy name", "Copy the take's name, for rushes on the command line", () => app.copy(`${app.batch.batch}/${take.id}`), { class: "quiet" })) : null);
  }

  came() {
    const { take } = this;
    const cost = take.cost == null ? "not known" : `${money(take.cost, take.currency)}${take.basis ? ` (${take.basis})` : ""}`;
    return [
      ["cost", cost],
      ["submitted", moment(take.submitted)],
      ["rendered after", seconds(take.rendered)],
      ["stored after", seconds(take.stored)],
      ["attempt", take.attempt > 1 ? take.attempt : null],
      ["video", `${take.width}×${take.height}, ${Number(take.fps.toFixed(2))} fps, ${counted(take.frames, "frame")}, ${take.codec}`],
      ["length", `${take.seconds.toFixed(2)} s, ${bytes(take.bytes)}`],
      ["copied from", take.reused],
      ["came besides", take.besides],
    ];
  }

  verdict() {
    const { app, take } = this;
    const pick = app.picks.of(take);
    const note = el("textarea", { class: "note", rows: 2, placeholder: "A note", "aria-label": "Note", dir: "auto", maxlength: 4000,
      onchange: () => app.pick([take], () => ({ note: note.value.trim() })) });
    note.value = pick.note;
    return el("section", { class: "verdict-bar" },
      el("div", { class: "verdict-row" },
        button([icon("star"), "Star"], "Star  s", () => app.pick([take], starring), { class: "toggle", "aria-pressed": String(pick.star) }),
        el("span", { class: "scale", role: "group", "aria-label": "Rating" }, [1, 2, 3, 4, 5].map((number) => button(String(number),
          `Rate it ${number}  ${number}`, () => app.pick([take], rating(number)),
          { "aria-pressed": String(pick.rating === number), class: pick.rating >= number ? "on" : null }))),
        button([icon("ban"), "Reject"], "Reject  x", () => app.pick([take], rejecting), { class: "toggle", "aria-pressed": String(pick.rejected) }),
        take.shows ? button("Compare", "Compare  c", () => app.mark(take), { class: "toggle", "aria-pressed": String(app.marks.includes(take)) }) : null),
      note);
  }

  // Where a take goes on from another: the last frame of the one beside the first of the other.
  seams() {
    const { app, take } = this;
    const pairs = [
      ...take.parents.map((id) => [app.batch.byId.get(id), take]),
      ...take.children.map((child) => [take, child]),
    ].filter(([before, after]) => before && before.shows && after.shows);
    if (pairs.length === 0) return null;
    this.firsts = [];
    return el("section", {}, el("h3", {}, "Seams"), pairs.slice(0, 12).map(([before, after]) => {
      const other = before === take ? after : before;
      return el("figure", { class: "seam" }, lastFrame(app, before), this.firstFrame(after),
        el("figcaption", {}, before === take ? "goes on in " : "goes on from ",
          button(`${other.shot} ${other.number}`, other.prompt, () => app.open(other), { class: "quiet" }),
          button("see the seam large", "The last frame beside the next first frame", () => app.compare.show([before, after], "seam"), { class: "quiet" })));
    }));
  }

  firstFrame(take) {
    const video = firstFrame(this.app, take);
    this.firsts.push(video);
    return video;
  }

  touch() {
    if (!this.element.open) return;
    const old = this.details.querySelector(".verdict-bar");
    const typing = old.contains(document.activeElement) && document.activeElement.matches("textarea");
    if (!typing) old.replaceWith(this.verdict());
  }

  stop() {
    if (this.transport) this.transport.close();
    this.transport = null;
    for (const video of this.firsts || []) {
      video.removeAttribute("src");
      video.load();
    }
    this.firsts = [];
  }

  closed() {
    this.saveNote();
    this.stop();
    fill(this.stage);
    fill(this.details);
    this.app.focusOn(this.take);
  }

  saveNote() {
    const note = this.details.querySelector("textarea");
    if (note && note.value.trim() !== this.app.picks.of(this.take).note) {
      this.app.pick([this.take], () => ({ note: note.value.trim() }));
    }
  }

  listenToSwipes() {
    let from = null;
    this.stage.addEventListener("touchstart", (event) => {
      from = event.touches.length === 1 && !event.target.closest("input") ? event.touches[0].clientX : null;
    }, { passive: true });
    this.stage.addEventListener("touchend", (event) => {
      const moved = from === null ? 0 : event.changedTouches[0].clientX - from;
      if (Math.abs(moved) > 60) this.app.openNext(moved < 0 ? 1 : -1);
    }, { passive: true });
  }
}

function table(rows) {
  return el("dl", { class: "table" }, rows.filter(([, value]) => value !== null && value !== undefined && value !== "")
    .map(([name, value]) => [el("dt", {}, FIELD_WORDS[name] || name), el("dd", { dir: "auto" }, valueText(value))]));
}

function valueText(value) {
  if (Array.isArray(value)) return value.join(", ");
  if (value !== null && typeof value === "object") return JSON.stringify(value);
  if (typeof value === "boolean") return value ? "yes" : "no";
  return String(value);
}

function fileLink(app, take, kind, label) {
  return el("a", { href: fileOf(app.batch, take, kind), target: "_blank", rel: "noopener" }, label);
}

function lastFrame(app, take) {
  return el("img", { src: fileOf(app.batch, take, "last"), alt: `The last frame of ${take.shot} ${take.number}`, decoding: "async" });
}

function firstFrame(app, take) {
  return el("video", { src: `${fileOf(app.batch, take, "video")}#t=0.001`, preload: "auto", muted: true, playsinline: true, tabindex: -1,
    "aria-label": `The first frame of ${take.shot} ${take.number}` });
}
