"use strict";
/* Saving what is shown as CSV, with all its digits. */

const RUN_BY_SPREADSHEETS = /^[=+\-@\t\r]/u;

/** Return a text as a cell of CSV that no spreadsheet runs as a formula. */
function csvText(text) {
  if (text === null) return "";
  const safe = RUN_BY_SPREADSHEETS.test(text) ? `'${text}` : text;
  return safe === "" || /[",\r\n]/u.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** Return the daily sums of rows over a range as CSV: names are text, amounts are exact. */
function csv(data, rows, range) {
  const lines = [];
  for (const one of rows) {
    const names = one.names.map((at, kind) => csvText(data.names[NAMES[kind]][at]));
    const [first, end] = places(one, range);
    for (let at = first; at < end; at += 1) {
      const amounts = ["quantity", "subtotal", "cost"].map((name) => amountAt(one[name], at));
      const line = [iso(data, one.days[at]), ...names, one.price ?? "", one.discount ?? "", ...amounts].join(",");
      lines.push([one.days[at], line]);
    }
  }
  lines.sort(([one], [other]) => one - other);
  const head = ["day", ...NAMES, "unit_price", "percent_discount", "quantity", "cost_subtotal", "cost"].join(",");
  return `${[head, ...lines.map(([, line]) => line)].join("\n")}\n`;
}

function amountAt(found, at) {
  if (found === null || found.values[at] === null) return "";
  return plain(BigInt(found.values[at]) * BigInt(found.unit));
}

/** Save rows of a range of days as a file. */
function save(data, rows, range) {
  const address = URL.createObjectURL(new Blob([csv(data, rows, range)], { type: "text/csv" }));
  const name = `usage-${iso(data, range[0])}-${iso(data, range[1] - 1)}.csv`;
  element("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
