// The keys, and what can be searched for.

const KEYS = [
  ["Looking", [["← ↑ ↓ →  or  h j k l", "the next take"], ["Enter", "open it large"], ["Space", "play it where it is, or stop"],
    [", .", "a frame back, a frame on (large and compared)"], ["+ −", "larger, smaller"], ["m", "grid or matrix"],
    ["[ ]", "through the takes that a cell of the matrix stacks"], ["g", "group by shot"], ["f", "filters"], ["/", "search"], ["t", "dark, light"]]],
  ["Picking", [["s", "star"], ["1 to 5", "rate"], ["0", "take back star, rating and rejection"], ["x", "reject"], ["n", "note"],
    ["z", "undo"], ["c", "compare it, or not"], ["v", "look at what is compared"], ["e", "export the picks"]]],
  ["Searching", [["wheat \"at dusk\" -rain", "words, phrases, what must not be there"], ["seed:42  place:wheat", "a field or an axis"],
    ["cost<0.3  rating>=4  seed:1..8", "numbers: seed, cost, rating, duration, wait, rendered, mb, width, height, fps, attempt"],
    ["is:starred  is:failed  -is:rejected", "also rated, noted, picked, unseen, reused, warned, chained"]]],
];

function helpDialog() {
  const dialog = el("dialog", { class: "help", "aria-label": "Help" },
    el("div", { class: "help-head" }, el("h2", {}, "Keys and searches"),
      button(icon("close"), "Close  Esc", () => dialog.close(), { class: "bare", "aria-label": "Close" })),
    KEYS.map(([title, rows]) => el("section", {}, el("h3", {}, title),
      el("dl", { class: "keys" }, rows.map(([keys, what]) => [el("dt", {}, el("kbd", {}, keys)), el("dd", {}, what)])))));
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  return dialog;
}
