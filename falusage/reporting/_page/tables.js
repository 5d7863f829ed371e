"use strict";
/* Tables and other elements. Names become text nodes and attributes, and never markup. */

const MOST = 100;

/** Return an element with attributes and children; a text becomes a text node. */
function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children);
  return made;
}

/** Return the attributes of what opens the details of a name or of a day. */
function link(kind, name) {
  return { "data-kind": kind, "data-name": JSON.stringify(name) };
}

/** Turn the text of a cell that has details into a button. */
function linked(cell) {
  const button = element("button", { type: "button", class: "detail" }, element("bdi", {}, ...cell.childNodes));
  cell.replaceChildren(button);
  return cell;
}

/** Return the columns that name a place of each kind. */
/** Return the column of the team, in a list that is empty if there is only one team. */
function teamColumns(data, get) {
  return data.names.username.length > 1 ? [nameColumn(data, "username", get)] : [];
}

function nameColumn(data, kind, get) {
  return {
    title: TITLES[kind],
    cell: (row) => {
      const at = get(row);
      const text = named(data, kind, at);
      const opens = ["username", "product", "endpoint_id"].includes(kind) ? link(kind, data.names[kind][at]) : {};
      return { text, value: text.toLowerCase(), attributes: opens };
    },
  };
}

/** Return a column of days, each of which opens its details. */
function dayColumn(data, get, title = "day") {
  return {
    title,
    cell: (row) => ({ text: dayText(data, get(row)), value: iso(data, get(row)), attributes: link("day", iso(data, get(row))) }),
  };
}

/** Return a column of exact amounts in a currency. */
function moneyColumn(data, title, get, currency, signed = false) {
  return {
    title,
    numeric: true,
    cell: (row) => {
      const amount = get(row);
      if (amount === null) return { text: NOTHING };
      const text = money(data, amount, typeof currency === "function" ? currency(row) : currency, signed);
      return { text, value: double(amount), attributes: { "data-exact": exact(amount) } };
    },
  };
}

/** Return a column of texts that are sorted by their values. */
function textColumn(title, get, value = get, numeric = false) {
  return { title, numeric, cell: (row) => ({ text: get(row), value: value(row) }) };
}

/** Return a table in its own frame; rows beyond MOST are counted in a last row. */
function table(caption, columns, rows, { total = null, rest = null, most = MOST } = {}) {
  const heads = columns.map(({ title, numeric }) =>
    element("th", { scope: "col", class: numeric ? "number" : null, "data-title": title }, title === "" ? "" : element("button", { type: "button" }, title)),
  );
  const body = element("tbody", {}, ...rows.slice(0, most).map((row) => tableRow(columns, row)));
  const foot = element("tfoot");
  if (rows.length > most) {
    const more = rows.length - most;
    const others = more === 1 ? "1 other" : `${more.toLocaleString("en")} others`;
    foot.append(tableFoot(columns, rest ? [others, ...rest(rows.slice(most))] : [others]));
  }
  if (total && rows.length > 1) foot.append(tableFoot(columns, ["total", ...total]));
  const made = element("table");
  made.append(element("caption", {}, caption), element("thead", {}, element("tr", {}, ...heads)), body);
  if (foot.rows.length) made.append(foot);
  return element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption }, made);
}

function tableRow(columns, row) {
  const cells = columns.map(({ title, numeric, cell }) => {
    const { text, value = null, attributes = {} } = cell(row);
    const made = element("td", { class: numeric ? "number" : null, "data-title": title, "data-value": value, ...attributes }, text);
    return "data-kind" in attributes ? linked(made) : made;
  });
  return element("tr", {}, ...cells);
}

function tableFoot(columns, texts) {
  const cells = columns.map(({ title, numeric }, at) => {
    const given = texts[at] ?? "";
    const [text, sum] = Array.isArray(given) ? given : [given, null];
    return element("td", { class: numeric ? "number" : null, "data-title": title, "data-exact": sum }, text);
  });
  return element("tr", {}, ...cells);
}

/** Return the texts of an exact sum for the foot of a table. */
function sumCell(data, amount, currency, signed = false) {
  return [money(data, amount, currency, signed), exact(amount)];
}

/** Sort the table of a heading that was clicked: numbers first by size, down; names by letter. */
function sortBy(head) {
  const place = head.cellIndex;
  const body = head.closest("table").tBodies[0];
  const numeric = head.classList.contains("number");
  const was = head.getAttribute("aria-sort");
  const down = was === null ? numeric : was === "ascending";
  for (const other of head.parentElement.cells) other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", down ? "descending" : "ascending");
  const value = (row) => {
    const given = row.cells[place].dataset.value;
    return given === undefined ? null : numeric ? Number(given) : given;
  };
  const rows = [...body.rows].sort((one, other) => {
    const [a, b] = [value(one), value(other)];
    if (a === null || b === null) return (a === null) - (b === null);
    const order = numeric ? a - b : a < b ? -1 : a > b ? 1 : 0;
    return down ? -order : order;
  });
  body.append(...rows);
}

/** Sort any table of the page by a click on a heading. */
function sortTables() {
  document.addEventListener("click", (event) => {
    const head = event.target.closest("th button")?.closest("th");
    if (head) sortBy(head);
  });
}
