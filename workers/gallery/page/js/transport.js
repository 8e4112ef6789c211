// Playing one video or several in step. The longest leads; who drifts is hurried or held back a little, and only who is
// far off is set: setting a playing video's time makes it stumble.

const FAR_SECONDS = 0.15;
const NEAR_SECONDS = 0.02;
const RATES = [0.25, 0.5, 1, 2];

class Transport {
  // `tracks` are {video, fps, frames}; all start paused at the first frame.
  constructor(tracks, looping) {
    this.tracks = tracks;
    this.lead = tracks.reduce((best, track) => (lengthOf(track) > lengthOf(best) ? track : best));
    this.looping = looping;
    this.rate = 1;
    this.playing = false;
    this.closed = false;
    this.onchange = () => {};
    this.lead.video.addEventListener("ended", () => this.ended());
    for (const { video } of tracks) {
      video.muted = true;
      video.addEventListener("seeked", () => this.onchange());
      video.addEventListener("loadeddata", () => this.onchange());
    }
    this.tick = () => {
      if (this.closed) return;
      if (this.playing) this.hold();
      this.onchange();
      if (this.playing) requestAnimationFrame(this.tick);
    };
  }

  get time() {
    return this.lead.video.currentTime;
  }

  get length() {
    return lengthOf(this.lead);
  }

  get frame() {
    return Math.min(this.frames - 1, Math.floor(this.time * this.lead.fps + 1e-3));
  }

  get frames() {
    return Math.max(1, this.lead.frames || Math.round(this.length * this.lead.fps));
  }

  play() {
    if (this.time >= this.length - 0.5 / this.lead.fps) this.seek(0);
    this.playing = true;
    for (const { video } of this.tracks) {
      video.playbackRate = this.rate;
      video.play().catch((error) => {
        if (error.name !== "AbortError") this.pause();
      });
    }
    requestAnimationFrame(this.tick);
  }

  pause() {
    this.playing = false;
    for (const { video } of this.tracks) video.pause();
    this.onchange();
  }

  toggle() {
    if (this.playing) this.pause();
    else this.play();
  }

  // To the middle of a frame: its edges belong, by rounding, to either neighbour.
  goTo(frame) {
    this.pause();
    const wanted = Math.min(this.frames - 1, Math.max(0, frame));
    this.seek((wanted + 0.5) / this.lead.fps);
  }

  step(by) {
    this.goTo(this.frame + by);
  }

  seek(time) {
    for (const track of this.tracks) {
      const last = Math.max(0, lengthOf(track) - 0.5 / track.fps);
      track.video.currentTime = Math.min(time, last);
    }
    this.onchange();
  }

  setRate(rate) {
    this.rate = rate;
    for (const { video } of this.tracks) video.playbackRate = rate;
  }

  mute(muted) {
    this.lead.video.muted = muted;
  }

  hold() {
    for (const { video } of this.tracks) {
      if (video === this.lead.video || video.ended || video.seeking || video.readyState < 2) continue;
      const ahead = video.currentTime - this.time;
      if (Math.abs(ahead) > FAR_SECONDS) video.currentTime = this.time;
      else video.playbackRate = this.rate * (Math.abs(ahead) < NEAR_SECONDS ? 1 : 1 - Math.sign(ahead) * 0.05);
    }
  }

  ended() {
    if (!this.playing) return;
    if (this.looping()) {
      this.seek(0);
      this.play();
    } else this.pause();
  }

  close() {
    this.closed = true;
    this.playing = false;
    for (const { video } of this.tracks) {
      video.pause();
      video.removeAttribute("src");
      video.load();
    }
  }
}

function lengthOf(track) {
  return Number.isFinite(track.video.duration) ? track.video.duration : track.seconds || 0;
}

function trackOf(batch, take, label) {
  const video = el("video", { src: fileOf(batch, take, "video"), preload: "auto", playsinline: true, muted: true,
    "aria-label": label, tabindex: -1, poster: pictureOf(batch, take) });
  return { video, fps: take.fps || 24, frames: take.frames, seconds: take.seconds };
}

function transportBar(app, transport) {
  const play = button(icon("play"), "Play or pause  space", () => transport.toggle(), { class: "bare", "aria-label": "Play" });
  const scrub = el("input", { type: "range", min: 0, max: transport.frames - 1, step: 1, value: 0, "aria-label": "Frame",
    oninput: () => transport.goTo(Number(scrub.value)) });
  const told = el("output", { class: "frame-no" });
  const loop = el("label", { class: "switch", title: "Play again and again  l" },
    el("input", { type: "checkbox", checked: app.looping, onchange: (event) => app.loop(event.target.checked) }), "loop");
  const sound = button("sound off", "Sound  u", () => app.sound(!app.sounds), { class: "quiet sound" });
  const rate = el("select", { "aria-label": "Speed", title: "Speed", onchange: () => transport.setRate(Number(rate.value)) },
    RATES.map((each) => el("option", { value: each, selected: each === 1 }, `${each}×`)));
  transport.onchange = () => {
    fill(play, icon(transport.playing ? "pause" : "play"));
    play.setAttribute("aria-label", transport.playing ? "Pause" : "Play");
    scrub.max = transport.frames - 1;
    scrub.value = transport.frame;
    told.value = `${transport.frame + 1} / ${transport.frames}   ${transport.time.toFixed(2)} s`;
    transport.mute(!app.sounds);
    fill(sound, app.sounds ? "sound on" : "sound off");
  };
  transport.onchange();
  return el("div", { class: "transport" },
    play,
    button(icon("left"), "A frame back  ,", () => transport.step(-1), { class: "bare", "aria-label": "A frame back" }),
    button(icon("right"), "A frame on  .", () => transport.step(1), { class: "bare", "aria-label": "A frame on" }),
    scrub, told, rate, loop, sound);
}
