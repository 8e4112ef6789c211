// Making elements. Text only ever gets in as text, so nothing that a prompt says becomes part of the page.

function el(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "class") element.className = value;
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "style") for (const [key, one] of Object.entries(value)) element.style.setProperty(key, one);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  append(element, children);
  return element;
}

function append(element, children) {
  for (const child of children.flat(Infinity)) {
    if (child !== null && child !== undefined && child !== false) element.append(child);
  }
}

function fill(element, ...children) {
  element.textContent = "";
  append(element, children);
  return element;
}

function button(label, title, onclick, attributes) {
  return el("button", { type: "button", title, onclick, ...attributes }, label);
}

const SHAPES = {
  star: "M8 1.6l1.96 4.1 4.5.6-3.3 3.1.83 4.5L8 11.7l-3.99 2.2.83-4.5-3.3-3.1 4.5-.6z",
  play: "M4.5 2.8v10.4l8.4-5.2z",
  pause: "M4 2.8h2.8v10.4H4zM9.2 2.8H12v10.4H9.2z",
  close: "M3.5 2.4L8 6.9l4.5-4.5 1.1 1.1L9.1 8l4.5 4.5-1.1 1.1L8 9.1l-4.5 4.5-1.1-1.1L6.9 8 2.4 3.5z",
  filter: "M1.5 3h13v1.6L9.6 9.2v4.3l-3.2-1.6V9.2L1.5 4.6z",
  left: "M10.2 2.6L4.8 8l5.4 5.4 1.1-1.1L7 8l4.3-4.3z",
  right: "M5.8 2.6L11.2 8l-5.4 5.4-1.1-1.1L9 8 4.7 3.7z",
  note: "M2.5 2.5h11v8h-5l-3.2 3v-3H2.5z",
  ban: "M8 1.5a6.5 6.5 0 100 13 6.5 6.5 0 000-13zm0 1.6c1.1 0 2.1.4 2.9 1L4.1 10.9A4.9 4.9 0 018 3.1zm0 9.8c-1.1 0-2.1-.4-2.9-1l6.8-6.8A4.9 4.9 0 018 12.9z",
};

function icon(name) {
  const ns = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(ns, "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(ns, "path");
  path.setAttribute("d", SHAPES[name]);
  svg.append(path);
  return svg;
}

// Open a dialog with the keyboard on itself: its first button is no better place to begin than any other.
function showDialog(dialog) {
  if (dialog.open) return;
  dialog.tabIndex = -1;
  dialog.showModal();
  dialog.focus();
}

function isTyping(target) {
  return target instanceof HTMLElement && target.matches("input:not([type=checkbox]):not([type=range]), textarea, select");
}

function saveFile(name, type, text) {
  const url = URL.createObjectURL(new Blob([text], { type }));
  el("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

const stillness = window.matchMedia("(prefers-reduced-motion: reduce)");
