"use strict";
/* Details in place: a team's endpoints, an endpoint's teams and days, a day's causes. */

const WEEKS = 4;
const SEVERAL = { username: 0, product: 1, endpoint_id: 2 };

/** Return whether there are details of a cell: the name of others that are folded has none. */
function isKnown(data, { kind, name }) {
  if (kind !== "day") return place(data, kind, JSON.parse(name)) >= 0;
  const day = dayOf(data, JSON.parse(name));
  return day >= 0 && day < data.days;
}

/** Return the title and the blocks of the details of a name or a day; null if it is unknown. */
function details(data, filter, kind, name) {
  if (kind === "day") {
    const day = dayOf(data, name);
    return day >= 0 && day < data.days ? dayDetails(data, filter, day) : null;
  }
  const at = kind in SEVERAL ? place(data, kind, name) : -1;
  if (at < 0) return null;
  const found = chosen(data, { ...filter, [kind]: new Set([at]) });
  const tables = {
    username: [["endpoint_id", 2, "Endpoints"], ["product", 1, "Products"]],
    product: [["username", 0, "Teams"], ["endpoint_id", 2, "Endpoints"]],
    endpoint_id: [["username", 0, "Teams"]],
  }[kind].filter(([other]) => other !== "username" || data.names.username.length > 1);
  const blocks = [...sentences(data, found)];
  for (const one of found.currencies) {
    blocks.push(...tables.map(([other, which, title]) => costTable(data, title, other, which, one, found.now, found.before)));
    blocks.push(dayColumns(data, one.rows, found.shown, named(data, "currency", one.currency)), dayTable(data, one, found.shown));
  }
  if (kind === "endpoint_id") blocks.push(...perUnit(data, found));
  return { title: [`${TITLES[kind]} `, named(data, kind, at)], blocks, rows: found.rows, range: found.now, only: { [kind]: new Set([at]) } };
}

/** Return why a day cost what it did: what differs from the mean of the same weekday before. */
function dayDetails(data, filter, day) {
  const rows = kept(data, filter);
  const range = [day, day + 1];
  const earlier = Array.from({ length: WEEKS }, (_, week) => day - 7 * (week + 1)).filter((one) => one >= 0);
  const title = [dayText(data, day)];
  const blocks = [];
  const currencies = ranked(sums(rows, "cost", range, (one) => one.names[4])).map(([at]) => at);
  if (!currencies.length) blocks.push(element("p", { class: "sum" }, "Nothing was spent on this day with this filter."));
  for (const currency of currencies) {
    const mine = rows.filter((one) => one.names[4] === currency);
    const causes = differences(mine, day, earlier);
    const cost = added(causes.map((one) => one.cost));
    const total = element("strong", { "data-exact": exact(cost), "data-total": named(data, "currency", currency) }, money(data, cost, currency));
    blocks.push(element("p", { class: "sum" }, total, usualText(data, causes, day, earlier, currency)));
    blocks.push(causesTable(data, causes, earlier.length > 0, currency));
  }
  return { title, blocks, rows, range, only: { from: day, until: day + 1 } };
}

/** Return each pair of team and endpoint with its cost on a day, and the mean of others. */
function differences(rows, day, earlier) {
  const found = new Map();
  const key = (one) => [one.names[0], one.names[2], one.names[3]].join();
  [day, ...earlier].forEach((at) => {
    for (const one of rows) {
      if (!within(one, [at, at + 1])) continue;
      const [username, , endpoint, unit] = one.names;
      const sum = found.get(key(one)) ?? { username, endpoint, unit, cost: 0n, quantity: 0n, usual: 0, usually: 0 };
      const [cost, quantity] = ["cost", "quantity"].map((name) => summed(one, name, [at, at + 1]));
      if (at === day) Object.assign(sum, { cost: sum.cost + cost, quantity: sum.quantity + quantity });
      else Object.assign(sum, { usual: sum.usual + double(cost) / earlier.length, usually: sum.usually + double(quantity) / earlier.length });
      found.set(key(one), sum);
    }
  });
  const size = (one) => Math.abs(double(one.cost) - one.usual);
  return [...found.values()].sort((one, other) => size(other) - size(one));
}

function usualText(data, causes, day, earlier, currency) {
  if (!earlier.length) return ". The page has no earlier day of the same weekday to compare with.";
  const usual = rounded(causes.reduce((sum, one) => sum + one.usual, 0));
  const more = added(causes.map((one) => one.cost)) - usual;
  const weekday = dated(data, day).toLocaleDateString("en", { weekday: "long", timeZone: "UTC" });
  const means = earlier.length === 1 ? `the ${weekday} before` : `the mean of the ${earlier.length} ${weekday}s before`;
  if (more === 0n) return `, as much as ${means}.`;
  return `. That is ${money(data, more < 0n ? -more : more, currency)} ${more > 0n ? "more" : "less"} than ${means} (${money(data, usual, currency)}).`;
}

function causesTable(data, causes, compared, currency) {
  const difference = (one) => rounded(double(one.cost) - one.usual);
  const columns = [
    ...teamColumns(data, ({ username }) => username),
    nameColumn(data, "endpoint_id", ({ endpoint }) => endpoint),
    moneyColumn(data, "cost", ({ cost }) => cost, currency),
    textColumn("quantity", (one) => `${number(double(one.quantity))} ${named(data, "unit", one.unit)}`, (one) => double(one.quantity), true),
  ];
  if (compared) {
    columns.splice(2, 0, moneyColumn(data, "difference", difference, currency, true));
    columns.push(textColumn("usual quantity", (one) => number(Math.round(one.usually * 1000) / 1000), (one) => one.usually, true));
  }
  const rest = (left) => {
    const sum = sumCell(data, added(left.map(({ cost }) => cost)), currency);
    return [...teamColumns(data).map(() => ""), ...(compared ? [sumCell(data, added(left.map(difference)), currency, true)] : []), sum];
  };
  return table(`What made this day, ${named(data, "currency", currency)}`, columns, causes, { rest, most: 25 });
}

/** Open details in the dialog of the page, and what is clicked inside it after that. */
class Details {
  constructor(data, current, narrow) {
    Object.assign(this, { data, current, narrow, opened: [] });
    this.dialog = document.getElementById("detail");
    this.dialog.querySelector(".back").addEventListener("click", () => this.back());
    this.dialog.querySelector(".close").addEventListener("click", () => this.dialog.close());
    this.dialog.querySelector(".save").addEventListener("click", () => save(data, this.shown.rows, this.shown.range));
    this.dialog.querySelector(".only").addEventListener("click", () => {
      const { only } = this.shown;
      this.dialog.close();
      narrow(only);
    });
    this.dialog.addEventListener("close", () => {
      this.opened = [];
      this.from?.focus();
    });
    document.addEventListener("click", (event) => {
      const opens = event.target.closest("button.detail, svg [data-kind]")?.closest("[data-kind]");
      if (opens) this.open(opens.dataset.kind, JSON.parse(opens.dataset.name), event.target.closest("button.detail"));
    });
  }

  open(kind, name, from) {
    if (!this.draw(kind, name)) return;
    this.opened.push([kind, name]);
    if (!this.dialog.open) {
      this.from = from;
      this.dialog.showModal();
    }
    this.settle();
  }

  back() {
    this.opened.pop();
    this.draw(...this.opened.at(-1));
    this.settle();
  }

  /** Show the right buttons, and start reading at the title. */
  settle() {
    this.dialog.querySelector(".back").hidden = this.opened.length < 2;
    this.dialog.scrollTop = 0;
    document.getElementById("detail-title").focus();
  }

  draw(kind, name) {
    const found = details(this.data, this.current(), kind, name);
    if (!found) return false;
    this.shown = found;
    const title = found.title.map((text) => element("bdi", {}, text));
    document.getElementById("detail-title").replaceChildren(...title);
    document.getElementById("detail-body").replaceChildren(...found.blocks);
    return true;
  }
}
