"use strict";
/* The filter: its form, its words, and its place in the address of the page. */

const CHOICES = ["username", "endpoint_id", "product", "currency"];
const FEW = 5;

/** Return the filter that keeps everything. */
function everything() {
  return { username: null, endpoint_id: null, product: null, currency: null, from: null, until: null };
}

/** Return whether a filter leaves something out. */
function isActive(filter) {
  return Object.values(filter).some((value) => value !== null);
}

/** Return a filter as the fragment of an address: each name is JSON, so that null is not a name. */
function toHash(data, filter) {
  const found = new URLSearchParams();
  for (const kind of CHOICES) {
    for (const at of filter[kind] ?? []) found.append(TITLES[kind], JSON.stringify(data.names[kind][at]));
  }
  if (filter.from !== null) found.set("from", iso(data, filter.from));
  if (filter.until !== null) found.set("to", iso(data, filter.until - 1));
  return found.size ? `#${found}` : "";
}

/** Return the filter of the fragment of an address; unknown names and days are ignored. */
function fromHash(data, hash) {
  const given = new URLSearchParams(hash.slice(1));
  const filter = everything();
  for (const kind of CHOICES) {
    const places = given.getAll(TITLES[kind]).map((text) => place(data, kind, parsed(text))).filter((at) => at >= 0);
    if (places.length) filter[kind] = new Set(places);
  }
  return { ...filter, ...daysFrom(data, given.get("from"), given.get("to")) };
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Return the days of two dates, which may be empty, within the days of the page. */
function daysFrom(data, first, last) {
  const day = (text) => (/^\d{4}-\d{2}-\d{2}$/u.test(text ?? "") ? dayOf(data, text) : null);
  const clipped = (at) => (at === null || Number.isNaN(at) ? null : Math.min(Math.max(at, 0), data.days - 1));
  const [from, to] = [day(first), day(last)].map(clipped);
  const ordered = from !== null && to !== null && from > to ? [to, from] : [from, to];
  return { from: ordered[0], until: ordered[1] === null ? null : ordered[1] + 1 };
}

/** Return a filter in words. */
function inWords(data, filter) {
  const words = CHOICES.filter((kind) => filter[kind] !== null).map((kind) => {
    const names = [...filter[kind]].map((at) => named(data, kind, at));
    const several = `${names.length} ${kind === "currency" ? "currencies" : `${TITLES[kind]}s`}`;
    return names.length > FEW ? several : `${TITLES[kind]} ${names.join(", ")}`;
  });
  if (filter.from !== null || filter.until !== null) words.push(span(data, ranges(data, filter).now));
  return `Only ${words.join("; ")}.`;
}

/** The form with which a reader filters. */
class Bar {
  constructor(data, changed) {
    Object.assign(this, { data, changed, filter: everything() });
    this.form = document.getElementById("filter");
    this.lists = new Map(CHOICES.map((kind) => [kind, document.getElementById(`filter-${kind}`)]));
    for (const [kind, list] of this.lists) {
      this.fill(kind);
      list.addEventListener("change", () => this.choose(kind));
      list.parentElement.hidden = data.names[kind].length < 2;
      document.getElementById(`find-${kind}`)?.addEventListener("input", () => this.fill(kind));
    }
    for (const id of ["filter-from", "filter-to"]) {
      const field = document.getElementById(id);
      field.min = iso(data, 0);
      field.max = iso(data, data.days - 1);
      field.addEventListener("change", () => this.chooseDays());
    }
    document.getElementById("filter-clear").addEventListener("click", () => this.set(everything()));
    this.form.addEventListener("submit", (event) => event.preventDefault());
    this.form.hidden = false;
  }

  /** List the names of a kind that the search finds, and those that are chosen. */
  fill(kind) {
    const sought = document.getElementById(`find-${kind}`)?.value.trim().toLowerCase() ?? "";
    const chosen = this.filter[kind];
    const options = this.data.names[kind].flatMap((_, at) => {
      const text = named(this.data, kind, at);
      const isChosen = chosen?.has(at) ?? false;
      if (!isChosen && !text.toLowerCase().includes(sought)) return [];
      return [element("option", { value: at, selected: isChosen, dir: "auto" }, text)];
    });
    this.lists.get(kind).replaceChildren(...options);
  }

  choose(kind) {
    const chosen = [...this.lists.get(kind).selectedOptions].map((option) => Number(option.value));
    this.set({ ...this.filter, [kind]: chosen.length ? new Set(chosen) : null });
  }

  chooseDays() {
    const [first, last] = ["filter-from", "filter-to"].map((id) => document.getElementById(id).value);
    this.set({ ...this.filter, ...daysFrom(this.data, first, last) });
  }

  /** Apply a filter, and write it into the address unless it came from there. */
  set(given, { record = true } = {}) {
    const filter = { ...everything(), ...given };
    this.filter = filter;
    for (const [kind, list] of this.lists) {
      const listed = new Set();
      for (const option of list.options) {
        listed.add(Number(option.value));
        option.selected = filter[kind]?.has(Number(option.value)) ?? false;
      }
      if ([...filter[kind] ?? []].some((at) => !listed.has(at))) this.fill(kind);
    }
    document.getElementById("filter-from").value = filter.from === null ? "" : iso(this.data, filter.from);
    document.getElementById("filter-to").value = filter.until === null ? "" : iso(this.data, filter.until - 1);
    document.getElementById("filter-clear").hidden = !isActive(filter);
    if (record) history.pushState(null, "", toHash(this.data, filter) || location.pathname + location.search);
    this.changed(filter);
  }
}
