"use strict";
/* The answer for a filter, in the order of the page: how much, who, why, at which cost per unit,
   price changes, unusual days, and months. */

const LEFT_OUT = "The outlook, budgets and invoice are for everything; clear the filter to see them.";
const MEANINGS = {
  price: "unit prices rose or fell",
  discount: "a larger or smaller part of the price is taken off",
  days: "the range has more or fewer days",
  volume: "more or less was used",
  mix: "a shift to more, or less, expensive endpoints",
  new: "endpoints that were not used before",
  retired: "endpoints that are not used any more",
};
const BY = [["username", 0, "Teams"], ["product", 1, "Products"], ["endpoint_id", 2, "Endpoints"]];

/** Return what a view is drawn from: the chosen series by currency, and the days. */
function chosen(data, filter) {
  const rows = kept(data, filter);
  const { now, before } = ranges(data, filter);
  const spent = sums(rows, "cost", now, (one) => one.names[4]);
  const earlier = before ? sums(rows, "cost", before, (one) => one.names[4]) : new Map();
  const currencies = [...new Set([...ranked(spent), ...ranked(earlier)].map(([at]) => at))].map((currency) => ({
    currency,
    rows: rows.filter((one) => one.names[4] === currency),
    cost: spent.get(currency) ?? 0n,
    previous: before ? earlier.get(currency) ?? 0n : null,
  }));
  const shown = filter.from === null && filter.until === null ? [0, data.days] : now;
  return { rows, now, before, shown, currencies };
}

/** Return a sentence for each currency: what was spent, and compared with before. */
function sentences(data, { now, before, currencies }) {
  if (!currencies.length) return [element("p", { class: "sum" }, `Nothing was spent with this filter, ${span(data, now)}.`)];
  return currencies.map(({ currency, cost, previous }) => {
    const total = element("strong", { "data-exact": exact(cost), "data-total": named(data, "currency", currency) }, money(data, cost, currency));
    return element("p", { class: "sum" }, `${span(data, now)}: `, total, comparedText(data, cost, previous, currency, now, before));
  });
}

function comparedText(data, cost, previous, currency, now, before) {
  if (before === null) return ". No comparison: the page does not have all of the same number of days before.";
  const than = `than ${span(data, before)} (${money(data, previous, currency)})`;
  const more = cost - previous;
  if (more === 0n) return `, as much as ${span(data, before)}.`;
  const part = previous > 0n ? ` (${percent(Math.abs(share(more, previous)))})` : "";
  const said = `. That is ${money(data, more < 0n ? -more : more, currency)}${part} ${more > 0n ? "more" : "less"} ${than}`;
  const rates = [double(cost) / length(data, now), double(previous) / length(data, before)];
  if (now[1] - now[0] === before[1] - before[0] || !(rates[1] > 0)) return `${said}.`;
  return `${said}. Per day, ${percent(rates[0] / rates[1] - 1, true)}.`;
}

/** Return a table of what each name cost, with its share and its change. */
function costTable(data, title, kind, at, { currency, rows, cost, previous }, now, before) {
  const key = (one) => one.names[at];
  const found = sums(rows, "cost", now, key);
  const earlier = before ? sums(rows, "cost", before, key) : new Map();
  for (const place of earlier.keys()) if (!found.has(place)) found.set(place, 0n);
  const list = ranked(found);
  const columns = [
    nameColumn(data, kind, ([place]) => place),
    moneyColumn(data, "cost", ([, amount]) => amount, currency),
    textColumn("share", ([, amount]) => percent(share(amount, cost)), ([, amount]) => share(amount, cost), true),
  ];
  if (before) columns.push(moneyColumn(data, "change", ([place, amount]) => amount - (earlier.get(place) ?? 0n), currency, true));
  const rest = (left) => {
    const sum = added(left.map(([, amount]) => amount));
    const was = added(left.map(([place]) => earlier.get(place) ?? 0n));
    return [sumCell(data, sum, currency), percent(share(sum, cost)), ...(before ? [sumCell(data, sum - was, currency, true)] : [])];
  };
  const total = [sumCell(data, cost, currency), "", ...(before ? [sumCell(data, cost - previous, currency, true)] : [])];
  return table(`${title}, ${named(data, "currency", currency)}`, columns, list, { rest, total });
}

function who(data, { now, before, shown, currencies }) {
  return currencies.flatMap((one) => {
    const code = named(data, "currency", one.currency);
    const teams = sums(one.rows, "cost", now, ({ names }) => names[0]);
    return [
      ...(teams.size > 1 ? [largest(`The largest teams, ${code}`, teams, (at) => printable(data.names.username[at]))] : []),
      ...BY.filter(([kind]) => kind !== "username" || data.names.username.length > 1).map(([kind, at, title]) => costTable(data, title, kind, at, one, now, before)),
      dayColumns(data, one.rows, shown, code),
      dayTable(data, one, shown),
    ];
  });
}

/** Return a closed list of days, so that a keyboard reaches the details of each. */
function dayTable(data, { currency, rows }, range) {
  const columns = [dayColumn(data, ([day]) => day), moneyColumn(data, "cost", ([, amount]) => amount, currency)];
  const caption = `Cost per day, ${named(data, "currency", currency)}`;
  const box = element("details", {}, element("summary", {}, caption));
  box.addEventListener("toggle", () => {
    if (box.childElementCount > 1) return;
    const found = costByDay(rows, range);
    box.append(table(caption, columns, found, { most: found.length }));
  });
  return box;
}

/** Return the exact cost of each day with rows, as pairs. */
function costByDay(rows, range) {
  const found = new Map();
  for (const one of rows) {
    const [first, end] = places(one, range);
    for (let at = first; at < end; at += 1) {
      const day = one.days[at];
      found.set(day, (found.get(day) ?? 0n) + BigInt(one.cost.values[at]) * BigInt(one.cost.unit));
    }
  }
  return [...found].sort(([one], [other]) => one - other);
}

function why(data, { now, before, currencies }) {
  if (!before) return [element("p", {}, "No comparison: the page does not have all of the same number of days before.")];
  return currencies.flatMap((one) => {
    const code = named(data, "currency", one.currency);
    const found = bridge(data, one.rows, now, before);
    const effects = summedEffects(found);
    const [was, is] = [before, now].map((range) => span(data, range));
    const ends = [{ label: was, amount: double(one.previous) }, { label: is, amount: double(one.cost) }];
    const columns = [
      textColumn("effect", ({ effect }) => effect),
      textColumn("meaning", ({ effect }) => MEANINGS[effect]),
      moneyColumn(data, "change", ({ amount }) => rounded(amount), one.currency, true),
    ];
    const total = ["", sumCell(data, one.cost - one.previous, one.currency, true)];
    return [
      waterfall(`From ${was} to ${is}, ${code}`, ends, effects.filter(({ amount }) => amount !== 0)),
      table(`Why cost changed, ${code}`, columns, effects, { total }),
      drivers(data, found, one.currency),
    ];
  });
}

/** Return a table of the largest single changes of a team's endpoint. */
function drivers(data, found, currency) {
  const single = found.flatMap(({ username, endpoint, effects }) =>
    Object.entries({ ...effects, volume: undefined, mix: undefined, quantity: (effects.volume ?? 0) + (effects.mix ?? 0) })
      .filter(([, amount]) => amount && rounded(amount) !== 0n)
      .map(([effect, amount]) => ({ username, endpoint, effect, amount })),
  ).sort((one, other) => Math.abs(other.amount) - Math.abs(one.amount));
  const columns = [
    ...teamColumns(data, ({ username }) => username),
    nameColumn(data, "endpoint_id", ({ endpoint }) => endpoint),
    textColumn("effect", ({ effect }) => effect),
    moneyColumn(data, "change", ({ amount }) => rounded(amount), currency, true),
  ];
  const rest = (left) => [...Array(columns.length - 2).fill(""), sumCell(data, rounded(left.reduce((sum, { amount }) => sum + amount, 0)), currency, true)];
  return table(`The largest single changes, ${named(data, "currency", currency)}`, columns, single, { rest, most: 25 });
}

/** Return the quantity and the cost of each endpoint, unit and currency, largest cost first. */
function units(rows, range) {
  const key = (one) => one.names.slice(2).join();
  const quantities = sums(rows, "quantity", range, key);
  return ranked(sums(rows, "cost", range, key)).map(([at, cost]) => {
    const [endpoint, unit, currency] = at.split(",").map(Number);
    const quantity = quantities.get(at);
    return { at, endpoint, unit, currency, quantity, cost, each: share(cost, quantity) };
  });
}

function perUnit(data, { rows, now, before }) {
  const earlier = new Map(before ? units(rows, before).map(({ at, each }) => [at, each]) : []);
  const change = ({ at, each }) => (earlier.get(at) ? each / earlier.get(at) - 1 : null);
  const columns = [
    nameColumn(data, "endpoint_id", ({ endpoint }) => endpoint),
    nameColumn(data, "unit", ({ unit }) => unit),
    { title: "quantity", numeric: true, cell: ({ quantity }) => ({ text: number(double(quantity)), value: double(quantity), attributes: { "data-exact": exact(quantity) } }) },
    moneyColumn(data, "cost", ({ cost }) => cost, ({ currency }) => currency),
    textColumn("cost per unit", ({ each, currency }) => `${number(each)} ${named(data, "currency", currency)}`, ({ each }) => each, true),
  ];
  if (before) columns.push(textColumn("change, %", (row) => percent(change(row), true), change, true));
  return [table("Cost per unit", columns, units(rows, now))];
}

function months(data, { shown, currencies }) {
  const columns = (currency) => [
    textColumn("month", ({ range }) => span(data, range), ({ range }) => iso(data, range[0])),
    moneyColumn(data, "cost", ({ cost }) => cost, currency),
    moneyColumn(data, "per day", ({ cost, range }) => rounded(double(cost) / length(data, range)), currency),
  ];
  return currencies.map(({ currency, rows }) => {
    const list = monthsOf(data, shown).map((range) => ({ range, cost: added(sums(rows, "cost", range, () => 0).values()) }));
    const total = [sumCell(data, added(list.map(({ cost }) => cost)), currency), ""];
    return table(`Months, ${named(data, "currency", currency)}`, columns(currency), list, { total });
  });
}

/** Return the view of a filter as sections, and the text that is announced. */
function view(data, filter) {
  const found = chosen(data, filter);
  const parts = [
    ["who", data.names.username.length > 1 ? "Who spent it, and on what" : "What it was spent on", who(data, found)],
    ["why", "Why it changed", why(data, found)],
    ["units", "What a unit costs", perUnit(data, found)],
    ["prices", "Price changes", priceChanges(data, filter, found)],
    ["unusual", "Unusual days", unusualDays(data, filter, found)],
    ["months", "Months", months(data, found)],
  ];
  const answer = sentences(data, found);
  return [
    ...answer,
    ...parts.map(([anchor, title, blocks]) => element("section", { id: `filtered-${anchor}`, "aria-labelledby": `filtered-${anchor}-title` },
      element("h2", { id: `filtered-${anchor}-title`, tabindex: "-1" }, title), ...blocks)),
    element("p", { class: "left-out" }, LEFT_OUT),
  ];
}
