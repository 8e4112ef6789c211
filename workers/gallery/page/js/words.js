// Numbers, times and states, put into words.

const STATE_WORDS = {
  done: "Done",
  rendering: "Rendering",
  submitting: "Being submitted",
  waiting: "Waiting",
  paused: "Paused",
  doubt: "In doubt",
  failed: "Failed",
  cancelled: "Cancelled",
  waived: "Given up",
};

const PICK_WORDS = {
  starred: "Starred", rated: "Rated", noted: "Noted", rejected: "Rejected", undecided: "Undecided",
};

const FIELD_WORDS = {
  model: "Model", duration: "Duration", resolution: "Resolution", aspect_ratio: "Aspect", seed: "Seed",
  start_image: "Start image", end_image: "End image", reference_images: "Reference images",
  reference_videos: "Reference videos", reference_audio: "Reference audio", generate_audio: "Audio",
  camera_fixed: "Camera fixed", watermark: "Watermark", web_search: "Web search",
  return_last_frame: "Last frame by the provider", provider_options: "Provider's options",
};

function counted(number, word) {
  return `${number.toLocaleString("en")} ${word}${number === 1 ? "" : "s"}`;
}

function money(amount, currency) {
  if (amount == null) return "cost not known";
  const digits = Math.abs(amount) >= 100 ? 2 : 4;
  const text = amount.toLocaleString("en", { minimumFractionDigits: 2, maximumFractionDigits: digits });
  return currency ? `${text} ${currency}` : text;
}

// A sum that was added up exactly, as text: at least two decimals, and no zeros behind them.
function exactly(text) {
  const [whole, part = ""] = text.split(".");
  return `${Number(whole).toLocaleString("en")}.${part.replace(/0+$/, "").padEnd(2, "0")}`;
}

function seconds(value) {
  if (value == null) return "";
  if (value < 60) return `${Number(value.toFixed(1))} s`;
  const whole = Math.round(value);
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} min ${String(whole % 60).padStart(2, "0")} s`;
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} min`;
}

function bytes(value) {
  if (value == null) return "";
  return value < 1e6 ? `${Math.max(1, Math.round(value / 1e3))} kB` : `${(value / 1e6).toFixed(1)} MB`;
}

function moment(epoch) {
  if (epoch == null) return "";
  const at = new Date(epoch * 1000);
  return at.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
}

// The values of a take that tell it from its neighbours: those of axes that have more than one.
function valuesOf(take, varied, without) {
  return take.axes.filter((axis) => varied.has(axis) && axis !== without).map((axis) => spoken(axis, take.values[axis]));
}

function spoken(axis, value) {
  if (typeof value === "boolean") return value ? axis : `no ${axis}`;
  if (typeof value === "number") return axis === "duration" ? `${value} s` : `${axis} ${value}`;
  return String(value).length > 120 ? `${String(value).slice(0, 119)}…` : String(value);
}

function titleOf(take, varied) {
  const values = valuesOf(take, varied);
  return values.length ? values.join(" · ") : take.prompt;
}

// A take in one sentence, for who doesn't see it.
function sentenceOf(take, pick, varied) {
  const parts = [`${take.shot} ${take.number}`, ...valuesOf(take, varied), STATE_WORDS[take.state].toLowerCase()];
  if (take.why && !take.shows) parts.push(take.why);
  if (take.cost != null) parts.push(money(take.cost, take.currency));
  if (pick.star) parts.push("starred");
  if (pick.rating) parts.push(`rated ${pick.rating} of 5`);
  if (pick.rejected) parts.push("rejected");
  if (pick.note) parts.push(`note: ${pick.note}`);
  return parts.join(", ");
}

function summaryOf(batch) {
  const live = batch.takes.filter((take) => !take.old && take.besides === null);
  const of = new Map();
  for (const take of live) of.set(take.state, (of.get(take.state) || 0) + 1);
  const parts = [`${(of.get("done") || 0).toLocaleString("en")} of ${batch.total.toLocaleString("en")} done`];
  for (const state of batch.states) {
    if (state !== "done" && of.get(state)) parts.push(`${of.get(state).toLocaleString("en")} ${STATE_WORDS[state].toLowerCase()}`);
  }
  for (const [amount, currency] of batch.spent) parts.push(`${exactly(amount)} ${currency}`);
  return parts;
}
