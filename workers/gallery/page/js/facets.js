// The filters at the side: for each facet its values, with how many takes each of them would show.

const MOST_VALUES = 200;

function renderFacets(app, counts) {
  const groups = [];
  for (const facet of app.facets) {
    const chosen = app.wanted.facets[facet.key] || [];
    const of = counts.get(facet.key);
    const values = facet.values.filter((value) => of.get(value) || chosen.includes(value));
    if (values.length < 2 && chosen.length === 0) continue;
    const open = app.openFacets.has(facet.key) ? app.openFacets.get(facet.key) : values.length <= 16;
    const clear = chosen.length
      ? button("clear", `Show every ${facet.label}`, (event) => {
        event.preventDefault();
        app.filter(facet.key, []);
      }, { class: "quiet" })
      : el("span", { class: "count" }, String(values.length));
    const list = el("ul", {}, values.slice(0, MOST_VALUES).map((value) => facetValue(app, facet, value, of.get(value) || 0, chosen)));
    if (values.length > MOST_VALUES) list.append(el("li", { class: "more" }, `${values.length - MOST_VALUES} more: search  ${facet.label}:…`));
    const group = el("details", { class: "facet", open }, el("summary", {}, el("span", { class: "facet-name" }, facet.label), clear), list);
    group.addEventListener("toggle", () => app.openFacets.set(facet.key, group.open));
    groups.push(group);
  }
  if (app.batch.takes.some((take) => take.old)) {
    groups.push(el("label", { class: "facet-line lone" },
      el("input", { type: "checkbox", checked: app.wanted.old, onchange: (event) => app.set({ old: event.target.checked }) }),
      el("span", {}, "Earlier editions too")));
  }
  const had = document.activeElement && document.activeElement.dataset ? document.activeElement.dataset.facet : undefined;
  fill(app.parts.facets, el("div", { class: "facets-head" }, el("h2", {}, "Filter"),
    app.isFiltered() ? button("clear all", "Show every take", () => app.clearFilters(), { class: "quiet" }) : null,
    button(icon("close"), "Close the filters  f", () => app.toggleFacets(false), { class: "only-narrow bare" })), groups);
  if (had !== undefined) {
    const again = [...app.parts.facets.querySelectorAll("input")].find((input) => input.dataset.facet === had);
    if (again) again.focus({ preventScroll: true });
  }
}

function facetValue(app, facet, value, count, chosen) {
  const input = el("input", {
    type: "checkbox",
    checked: chosen.includes(value),
    "data-facet": `${facet.key}\n${value}`,
    onchange: (event) => app.filter(facet.key, event.target.checked ? [...chosen, value] : chosen.filter((each) => each !== value)),
  });
  const words = { state: STATE_WORDS, pick: PICK_WORDS }[facet.key];
  const text = words ? words[value] : String(value);
  const dot = facet.key === "state" ? el("span", { class: "dot", "data-state": value }) : null;
  return el("li", {}, el("label", { class: "facet-line" }, input, dot, el("span", { class: "facet-value", title: text }, text),
    el("span", { class: "count" }, count.toLocaleString("en"))));
}
