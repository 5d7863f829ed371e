"use strict";
/* Pictures as SVG. Colours of teams are attributes; all others are classes, so that the style of
   the page makes them dark or light. Each picture says in words what it shows. */

const OTHERS = "others";
const SPARE = ["#3f90da", "#ffa90e", "#bd1f01", "#832db6", "#a96b59", "#717581"];
const LEADING = 6;

/** Return an SVG element; a text becomes a text node. */
function drawn(tag, attributes = {}, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined) made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

function picture(words, width, height, ...children) {
  const frame = { role: "img", "aria-label": `${words}. The amounts are in the table below.`, viewBox: `0 0 ${width} ${height}`, width, height, class: "chart" };
  return element("figure", {}, element("figcaption", {}, words), drawn("svg", frame, ...children));
}

/** Return a function that maps a range of values to a range of places. d3.scaleLinear does more and
    would add 23 kB to every page. */
function scaled([low, high], [first, last]) {
  return (value) => first + ((value - low) / (high - low)) * (last - first);
}

/** Return the width that there is for a picture. */
function room() {
  return Math.max(280, Math.min(document.body.clientWidth - 32, 928));
}

/** Return the cost of each day as columns: one layer for each leading team, and the others. */
function dayColumns(data, rows, range, currency) {
  const width = room();
  const [height, left, bottom, top] = [240, 56, 26, 8];
  const layers = layersOf(data, rows, range);
  const days = Array.from({ length: range[1] - range[0] }, (_, at) => range[0] + at);
  const across = d3.scaleBand().domain(days).range([left, width]).paddingInner(days.length > width / 4 ? 0 : 0.15);
  const tops = new Array(days.length).fill(0);
  const stacked = layers.map(({ values }) => values.map((value, at) => {
    const from = tops[at];
    tops[at] += Math.max(value, 0);
    return { day: days[at], from, to: tops[at] };
  }));
  const end = d3.nice(0, d3.max(tops) || 1, 4)[1];
  const up = scaled([0, end], [height - bottom, top]);
  const lines = d3.ticks(0, end, 4).flatMap((value) => [
    drawn("line", { class: "grid", x1: left, x2: width, y1: up(value), y2: up(value) }),
    drawn("text", { class: "tick end", x: left - 6, y: up(value) + 4 }, short(value)),
  ]);
  const bars = stacked.flatMap((layer, which) => layer.filter(({ from, to }) => to > from).map(({ day, from, to }) =>
    drawn("rect", {
      ...layerPaint(layers[which]), ...link("day", iso(data, day)),
      x: across(day), y: up(to), width: Math.max(across.bandwidth(), 0.5), height: Math.max(up(from) - up(to), 0),
    }, drawn("title", {}, `${layers[which].text}, ${dayText(data, day)}: ${short(to - from)} ${currency}`)),
  ));
  const every = Math.ceil(days.length / Math.max(2, Math.floor((width - left) / 90)));
  const marks = days.filter((_, at) => at % every === 0).map((day) =>
    drawn("text", { class: "tick", x: across(day), y: height - 8 }, dayText(data, day).replace(/ \d{4}$/u, "")),
  );
  const legend = element("ul", { class: "legend" }, ...layers.map((layer) => element("li", {},
    drawn("svg", { width: 12, height: 12, "aria-hidden": "true" }, drawn("rect", { ...layerPaint(layer), width: 12, height: 12 })),
    element("bdi", {}, layer.text),
  )));
  const words = `Cost per day, ${currency}, ${span(data, range)}`;
  const made = picture(words, width, height, ...lines, ...bars, ...marks);
  made.append(legend);
  return made;
}

function layerPaint({ color }) {
  return color ? { fill: color } : { class: "others" };
}

/** Return the leading teams with their costs per day, the largest first, and the others. */
function layersOf(data, rows, range) {
  const order = ranked(sums(rows, "cost", range, (one) => one.names[0])).map(([at]) => at);
  const spare = SPARE.filter((color) => !order.slice(0, LEADING).some((at) => data.colors[data.names.username[at]] === color));
  const layers = order.slice(0, LEADING).map((at, which) => ({
    text: printable(data.names.username[at]),
    color: data.colors[data.names.username[at]] ?? spare[which % spare.length],
    values: daily(rows.filter((one) => one.names[0] === at), range),
  }));
  const rest = new Set(order.slice(LEADING));
  if (rest.size) {
    layers.push({ text: `${rest.size} ${OTHERS}`, color: null, values: daily(rows.filter((one) => rest.has(one.names[0])), range) });
  }
  return layers;
}

/** Return the entries of a Map of sums, the largest first. */
function ranked(found) {
  return [...found].sort(([, one], [, other]) => (one < other ? 1 : one > other ? -1 : 0));
}

/** Return lines of a label, a bar from one value to another, and an amount; `start` is the left. */
function bars(words, lines, start = 0) {
  const width = room();
  const step = 26;
  const labels = Math.min(200, width * 0.34);
  const amounts = 84;
  const ends = lines.flatMap(({ from, to }) => [Math.max(from, start), to]);
  const across = scaled([Math.min(start, ...ends), Math.max(start, ...ends) || 1], [labels + 8, width - amounts]);
  const letters = Math.floor(labels / 6.6);
  const made = lines.flatMap(({ label, from, to, text, kind }, at) => {
    const [x1, x2] = [Math.min(from, to), Math.max(from, to)].map((end) => across(Math.max(end, start)));
    const cut = [...label].length > letters ? `${[...label].slice(0, letters - 1).join("")}…` : label;
    return [
      drawn("text", { class: "tick end", x: labels, y: at * step + 17 }, cut, drawn("title", {}, label)),
      drawn("rect", { class: kind, x: x1, y: at * step + 4, width: Math.max(x2 - x1, 1), height: step - 8 }),
      drawn("text", { class: "amount", x: x2 + 6, y: at * step + 17 }, text),
    ];
  });
  return picture(words, width, lines.length * step + 4, ...made);
}

/** Return the largest of a Map of sums as bars. */
function largest(words, found, text) {
  const first = ranked(found).slice(0, 10);
  return bars(words, first.map(([at, amount]) => ({
    label: text(at), from: 0, to: double(amount), text: short(double(amount)), kind: "bar",
  })));
}

/** Return how cost went from one range to another, effect by effect, with both ends. */
function waterfall(words, ends, effects) {
  const [before, now] = ends;
  const lines = [{ label: before.label, from: 0, to: before.amount, text: short(before.amount), kind: "bar" }];
  let at = before.amount;
  for (const { effect, amount } of effects) {
    lines.push({ label: effect, from: at, to: at + amount, text: short(amount, true), kind: amount < 0 ? "less" : "more" });
    at += amount;
  }
  lines.push({ label: now.label, from: 0, to: now.amount, text: short(now.amount), kind: "bar" });
  // Small effects on a large cost would not be seen beside bars from zero.
  const [low, high] = [Math.min(...lines.map(({ to }) => to)), Math.max(...lines.map(({ to }) => to))];
  const start = low - 0.5 * (high - low);
  if (start <= 0 || start < 0.3 * high) return bars(words, lines);
  const made = bars(words, lines, start);
  made.append(element("figcaption", {}, `The bars start at ${short(start)}, not at zero.`));
  return made;
}
