"use strict";
/* What happens when the page opens: sorting, and filters and details once the data is read. */

/** Show the answer for a filter in place of the page's own, or the page's own again. */
function show(data, filter) {
  const active = isActive(filter);
  const [filtered, words] = ["filtered", "filter-words"].map((id) => document.getElementById(id));
  for (const one of document.querySelectorAll("[data-unfiltered]")) one.hidden = active;
  filtered.hidden = !active;
  filtered.replaceChildren(...(active ? view(data, filter) : []));
  for (const one of document.querySelectorAll('nav a[href^="#"]')) {
    one.parentElement.hidden = active && !document.getElementById(`filtered-${one.hash.slice(1)}`);
  }
  const totals = [...filtered.querySelectorAll("p.sum")].map((one) => one.textContent);
  words.textContent = active ? inWords(data, filter) : "";
  document.getElementById("filter-said").textContent = active ? [inWords(data, filter), ...totals].join(" ") : "All of the usage.";
}

/** Start filters and details over the data of the page. */
function start(data) {
  const bar = new Bar(data, (filter) => show(data, filter));
  for (const cell of document.querySelectorAll("#answer td[data-kind]")) {
    if (isKnown(data, cell.dataset)) linked(cell);
  }
  const details = new Details(data, () => bar.filter, (only) => bar.set({ ...bar.filter, ...only }));
  document.getElementById("filter-save").addEventListener("click", () => {
    const { rows, now } = chosen(data, bar.filter);
    save(data, rows, now);
  });
  const read = () => bar.set(fromHash(data, location.hash), { record: false });
  addEventListener("popstate", () => {
    if (!location.hash || location.hash.includes("=")) read();
  });
  document.addEventListener("click", (event) => follow(event, bar.filter));
  let width = room();
  addEventListener("resize", () => {
    if (room() === width) return;
    width = room();
    if (isActive(bar.filter)) show(data, bar.filter);
  });
  if (location.hash.includes("=")) read();
  return { bar, details };
}

/** Go to the section of the filtered view that a link of the page means. */
function follow(event, filter) {
  const anchor = event.target.closest('a[href^="#"]')?.getAttribute("href").slice(1);
  const title = anchor && isActive(filter) ? document.getElementById(`filtered-${anchor}-title`) : null;
  if (!title) return;
  event.preventDefault();
  title.scrollIntoView();
  title.focus({ preventScroll: true });
}

sortTables();
const block = document.getElementById("daily");
const ready = block && "DecompressionStream" in globalThis
  ? inflated(block.textContent).then((data) => ({ data, ...start(data) }))
  : Promise.resolve(null);

/* For the tests of the page. */
globalThis.falusage = { ready, added, bridge, chosen, csv, differences, exact, fromHash, kept, money, predictor, span, summed, summedEffects, sums, toHash, units };
