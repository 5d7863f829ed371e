"use strict";
/* The daily sums of the page: reading them, choosing among them, and adding them exactly.
   A number below 2 ** 53 is exact in a double; whatever may be larger is a BigInt. Amounts and
   quantities that are added up are BigInts that count the twelfth decimal. */

const NAMES = ["username", "product", "endpoint_id", "unit", "currency"];
const PLACES = 12n;

/** Return the data of a page from the base64 text of its deflated JSON. */
async function inflated(text) {
  const packed = atob(text.trim());
  const bytes = new Uint8Array(packed.length);
  for (let at = 0; at < packed.length; at += 1) bytes[at] = packed.charCodeAt(at);
  const whole = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return decoded(JSON.parse(await new Response(whole).text()));
}

/** Return the data with its series as objects, whose costs are computed. */
function decoded(data) {
  return { ...data, first: Date.parse(`${data.start}T00:00:00Z`), series: data.series.map(series) };
}

/** Return one series: the places of its names, its price, its days, and its columns. */
function series([username, product, endpoint, unit, currency, price, discount, first, gaps, quantity, cost, subtotal]) {
  const counts = quantity[1].map(whole);
  const days = new Int32Array(counts.length);
  for (let at = 0, day = first; at < days.length; at += 1) {
    if (at) day += gaps ? gaps[at] : 1;
    days[at] = day;
  }
  return {
    names: [username, product, endpoint, unit, currency],
    price,
    discount,
    days,
    quantity: column(quantity[0], counts),
    cost: costs(counts, cost),
    subtotal: subtotal === null ? null : costs(counts, subtotal),
  };
}

/** Return an integer of the data, which is text if a double might not hold it. */
function whole(given) {
  return typeof given === "string" ? BigInt(given) : given;
}

/** Return the sum of two integers, as a number if that is exact. */
function plus(one, other) {
  if (typeof one === "number" && typeof other === "number") {
    const sum = one + other;
    if (Number.isSafeInteger(sum)) return sum;
  }
  return BigInt(one) + BigInt(other);
}

/** Return a function of a quantity: × times × up ÷ down, rounded half up. */
function predictor(times, up, down) {
  const [factor, divisor] = [BigInt(times) * BigInt(up), BigInt(down)];
  const small = [factor, divisor].every((one) => one <= Number.MAX_SAFE_INTEGER);
  const [by, over, half] = small ? [Number(factor), Number(divisor), Number(divisor / 2n)] : [NaN, NaN, NaN];
  return (quantity) => {
    const raised = typeof quantity === "number" ? quantity * by + half : NaN;
    if (Number.isSafeInteger(raised)) return Math.floor(raised / over);
    return (BigInt(quantity) * factor + divisor / 2n) / divisor;
  };
}

function costs(counts, [unit, ...rest]) {
  const [times, up, down] = rest.slice(0, 3).map(whole);
  const left = Array.isArray(rest[3]?.[0]) ? dense(rest[3], counts.length) : rest[3];
  const predicted = predictor(times, up, down);
  if (left === 0) return column(unit, counts.map(predicted));
  return column(unit, counts.map((count, at) => (left[at] === null ? null : plus(predicted(count), whole(left[at])))));
}

/** Return integers of which most are zero, from the steps between the others and their values. */
function dense([steps, values], size) {
  const found = new Array(size).fill(0);
  let at = 0;
  steps.forEach((step, which) => {
    at += step;
    found[at] = values[which];
  });
  return found;
}

/** Return a column of integers, each worth `unit`: numbers if even their sum is exact. */
function column(unit, values) {
  let size = 0;
  for (const value of values) size += Math.abs(Number(value));
  if (size < Number.MAX_SAFE_INTEGER && values.every((value) => typeof value !== "bigint")) {
    return { unit, values, zero: 0 };
  }
  return { unit, values: values.map((value) => (value === null ? null : BigInt(value))), zero: 0n };
}

/** Return the first place in ascending days that is not before a day. */
function bisected(days, day) {
  let [low, high] = [0, days.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (days[middle] < day) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Return the places of the rows of a series in a range of days, as a first and an end. */
function places(one, [from, until]) {
  return [bisected(one.days, from), bisected(one.days, until)];
}

/** Return whether a series has a row in a range of days [from, until). */
function within(one, range) {
  const [first, end] = places(one, range);
  return first < end;
}

/** Return the exact sum of a column over a range of days; null if it lacks a value. */
function summed(one, name, range) {
  const found = one[name];
  if (found === null) return within(one, range) ? null : 0n;
  const [first, end] = places(one, range);
  let sum = found.zero;
  for (let at = first; at < end; at += 1) {
    if (found.values[at] === null) return null;
    sum += found.values[at];
  }
  return BigInt(sum) * BigInt(found.unit);
}

/** Return the sums of each key of the series with rows in a range, as a Map. */
function sums(rows, name, range, key) {
  const found = new Map();
  for (const one of rows) {
    if (within(one, range)) {
      const at = key(one);
      found.set(at, (found.get(at) ?? 0n) + summed(one, name, range));
    }
  }
  return found;
}

/** Return the sum of a list of BigInts. */
function added(amounts) {
  let sum = 0n;
  for (const amount of amounts) sum += amount;
  return sum;
}

/** Return the cost of every day of a range as doubles, for a picture. */
function daily(rows, [from, until]) {
  const found = new Array(until - from).fill(0);
  for (const one of rows) {
    const scale = one.cost.unit / 1e12;
    const [first, end] = places(one, [from, until]);
    for (let at = first; at < end; at += 1) found[one.days[at] - from] += Number(one.cost.values[at]) * scale;
  }
  return found;
}

/** Return an amount as a double. */
function double(amount) {
  return Number(amount) / 1e12;
}

/** Return the place of a name among the names of its kind, or -1. */
function place(data, kind, name) {
  return data.names[kind].indexOf(name);
}

/** Return the series that a filter keeps: each kind has a Set of places, or null for all. */
function kept(data, filter) {
  const chosen = NAMES.map((kind) => filter[kind] ?? null);
  return data.series.filter((one) => chosen.every((set, at) => set === null || set.has(one.names[at])));
}

/** Return the days that a filter is about, and the days to compare them with, or null. */
function ranges(data, filter) {
  if (filter.from === null && filter.until === null) {
    if (data.compared) return { now: data.compared[0], before: data.compared[1] };
    return { now: [0, data.days], before: null };
  }
  const now = [filter.from ?? 0, filter.until ?? data.days];
  const from = now[0] - (now[1] - now[0]);
  return { now, before: from >= 0 && now[1] > now[0] ? [from, now[0]] : null };
}

/** Return the length of a range in days of 24 hours. */
function length(data, [from, until]) {
  const other = data.hours.filter(([day]) => day >= from && day < until);
  return until - from + other.reduce((sum, [, hours]) => sum + hours / 24 - 1, 0);
}
