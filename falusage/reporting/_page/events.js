"use strict";
/* What Python found and a filter only selects: price changes and unusual days. */

/** Return the price changes of the chosen endpoints, with what they cost the chosen rows. */
function priceChanges(data, filter, { rows, shown }) {
  const used = new Set(rows.map((one) => one.names.slice(2).join()));
  const found = data.steps
    .filter((step) => filter.username === null || step.username === undefined || filter.username.has(place(data, "username", step.username)))
    .map((step) => ({ ...step, day: dayOf(data, step.since), key: keyOf(data, step) }))
    .filter(({ key, day }) => used.has(key.join()) && day >= shown[0] && day < shown[1])
    .map((step) => ({ ...step, impact: impact(data, step, rows, shown) }))
    .sort((one, other) => Math.abs(other.impact) - Math.abs(one.impact));
  if (!found.length) return [element("p", {}, "No price changed for what is chosen.")];
  const columns = [
    nameColumn(data, "endpoint_id", ({ key }) => key[0]),
    nameColumn(data, "unit", ({ key }) => key[1]),
    textColumn("kind", ({ kind }) => (kind === "list" ? "list price" : "discount")),
    dayColumn(data, ({ day }) => day, "since"),
    textColumn("price before", (step) => number(step.previous_price), (step) => step.previous_price, true),
    textColumn("price", (step) => number(step.price), (step) => step.price, true),
    textColumn("change, %", (step) => percent(step.pct_change, true), (step) => step.pct_change, true),
    moneyColumn(data, "cost since", (step) => rounded(step.impact), ({ key }) => key[2], true),
  ];
  return [table("Price changes", columns, found)];
}

function keyOf(data, step) {
  return ["endpoint_id", "unit", "currency"].map((kind) => place(data, kind, step[kind]));
}

/** Return what rows cost since a step, minus the same quantities at the price before. */
function impact(data, step, rows, [, end]) {
  const mine = (one) => one.names.slice(2).join() === step.key.join()
    && (step.username === undefined || data.names.username[one.names[0]] === step.username);
  const until = Math.min(end, ...data.steps
    .filter((other) => other.kind === step.kind && keyOf(data, other).join() === step.key.join() && other.username === step.username)
    .map((other) => dayOf(data, other.since))
    .filter((day) => day > step.day));
  const range = [step.day, until];
  const shows = step.kind === "list" ? (one) => one.price : remaining;
  const value = step.kind === "list" ? step.price : factorOf(data.series.filter(mine), step, range);
  const previous = step.kind === "list" ? step.previous_price : (value * step.previous_price) / step.price;
  let sum = 0;
  for (const one of rows.filter(mine).filter((row) => near(shows(row), value))) {
    const weight = step.kind === "list" ? remaining(one) : one.price;
    sum += double(summed(one, "cost", range)) - double(summed(one, "quantity", range)) * weight * previous;
  }
  return sum;
}

/** Return the part of the price that is paid after a step of the discount: see price_changes. */
function factorOf(rows, step, range) {
  const found = new Map();
  for (const one of rows) {
    const quantity = double(summed(one, "quantity", range));
    const [sold, listed] = found.get(remaining(one)) ?? [0, 0];
    found.set(remaining(one), [sold + quantity, listed + quantity * one.price]);
  }
  for (const [factor, [sold, listed]] of found) if (sold > 0 && near((factor * listed) / sold, step.price)) return factor;
  return NaN;
}

function remaining(one) {
  return 1 - (one.discount ?? 0) / 100;
}

function near(one, other) {
  return Math.abs(one - other) <= 1e-9 * Math.max(Math.abs(one), Math.abs(other));
}

/** Return the endpoint behind an unusual day, if it is known, with both quantities. */
function causeText({ endpoint_id: endpoint, unit, quantity, usual_quantity: usual }) {
  if (endpoint === null || endpoint === undefined) return "";
  const [now, before] = [quantity, usual].map((value) => number(Math.round(value * 100) / 100));
  return `${printable(endpoint)}: ${now} ${printable(unit)} instead of ${before}`;
}

/** Return the unusual days of the chosen teams. */
function unusualDays(data, filter, { shown }) {
  const chosen = (kind, name) => filter[kind] === null || filter[kind].has(place(data, kind, name));
  const found = data.unusual
    .filter((one) => chosen("username", one.username) && chosen("currency", one.currency))
    .map((one) => ({ ...one, day: dayOf(data, one.period) }))
    .filter(({ day }) => day >= shown[0] && day < shown[1]);
  const whole = filter.product === null && filter.endpoint_id === null;
  const notes = whole ? [] : [element("p", {}, `Unusual days are judged ${data.names.username.length > 1 ? "by team, " : ""}over all products and endpoints.`)];
  if (!found.length) return [...notes, element("p", {}, "No unusual day for what is chosen.")];
  const currency = (one) => place(data, "currency", one.currency);
  const columns = [
    dayColumn(data, ({ day }) => day),
    ...teamColumns(data, (one) => place(data, "username", one.username)),
    moneyColumn(data, "cost", (one) => rounded(one.cost), currency),
    moneyColumn(data, "expected", (one) => rounded(one.expected), currency),
    moneyColumn(data, "above expected", (one) => rounded(one.excess), currency, true),
    textColumn("cause", causeText),
  ];
  return [...notes, table("Unusual days", columns, found)];
}
