"use strict";
/* Why cost moved between two ranges: Bennet's decomposition, as in falusage's cost_bridge with
   per_day. Its sums are exact and its products are doubles. */

const EFFECTS = ["price", "discount", "days", "volume", "mix", "new", "retired"];

/** Return the effects of each team, endpoint, unit and currency between two ranges of days. */
function bridge(data, rows, now, before) {
  const spans = [before, now];
  const lengths = spans.map((span) => length(data, span));
  const keys = new Map();
  for (const one of rows) {
    const [username, , endpoint, unit, currency] = one.names;
    const at = [username, endpoint, unit, currency].join();
    const found = keys.get(at) ?? { username, endpoint, unit, currency, sides: [side(), side()] };
    keys.set(at, found);
    spans.forEach((span, which) => add(found.sides[which], one, span));
  }
  const found = [...keys.values()].filter(({ sides }) => sides[0].there || sides[1].there);
  const groups = new Map();
  for (const { unit, currency, sides } of found.filter(isBoth)) {
    const group = `${unit},${currency}`;
    const sum = groups.get(group) ?? [0n, 0n];
    groups.set(group, sum.map((quantity, which) => quantity + sides[which].quantity));
  }
  return found.map(({ sides, ...key }) => {
    const group = groups.get(`${key.unit},${key.currency}`);
    return { ...key, effects: effects(sides, group, lengths) };
  });
}

function side() {
  return { there: false, cost: 0n, quantity: 0n, subtotal: 0n };
}

function add(sum, one, span) {
  if (!within(one, span)) return;
  sum.there = true;
  sum.cost += summed(one, "cost", span);
  sum.quantity += summed(one, "quantity", span);
  const subtotal = summed(one, "subtotal", span);
  sum.subtotal = subtotal === null || sum.subtotal === null ? null : sum.subtotal + subtotal;
}

function isBoth({ sides }) {
  return sides[0].there && sides[1].there;
}

/** Return the effects of one key: the change in each, from the baseline to the comparison. */
function effects(sides, group, lengths) {
  const cost = sides.map((one) => double(one.cost));
  if (!sides[0].there) return { new: cost[1] };
  if (!sides[1].there) return { retired: -cost[0] };
  const quantity = sides.map((one) => double(one.quantity));
  if (!(quantity[0] > 0 && quantity[1] > 0)) {
    return { price: double(sides[1].cost - sides[0].cost), days: 0, volume: 0, mix: 0 };
  }
  const totals = group.map(double);
  const price = over(cost, quantity);
  const share = over(quantity, totals);
  const rate = over(totals, lengths);
  const weight = mean(price) * mean(share);
  const found = { price: mean(quantity) * change(price) };
  if (sides.every((one) => one.subtotal !== null && one.subtotal > 0n)) {
    const subtotal = sides.map((one) => double(one.subtotal));
    const list = over(subtotal, quantity);
    const left = over(cost, subtotal);
    found.price = mean(quantity) * mean(left) * change(list);
    found.discount = mean(quantity) * mean(list) * change(left);
  }
  found.days = weight * mean(rate) * change(lengths);
  found.volume = weight * mean(lengths) * change(rate);
  found.mix = mean(price) * mean(totals) * change(share);
  return found;
}

function over(above, below) {
  return [above[0] / below[0], above[1] / below[1]];
}

function mean(pair) {
  return (pair[0] + pair[1]) / 2;
}

function change(pair) {
  return pair[1] - pair[0];
}

/** Return the sum of each effect over keys, in the order of EFFECTS; absent ones are left out. */
function summedEffects(found) {
  return EFFECTS.map((effect) => {
    const amounts = found.map((one) => one.effects[effect]).filter((amount) => amount !== undefined);
    return { effect, amount: amounts.reduce((sum, amount) => sum + amount, 0), there: amounts.length > 0 };
  }).filter(({ there }) => there);
}
