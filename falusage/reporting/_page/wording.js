"use strict";
/* Numbers, days and names as text. */

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const DAY = 86_400_000;
const TITLES = { username: "team", product: "product", endpoint_id: "endpoint", unit: "unit", currency: "currency" };
const NOTHING = "-";
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069]/gu;

/** Return a name that can be shown: control characters become question marks. */
function printable(name) {
  if (name === null) return NOTHING;
  return name.trim() === "" ? "(empty)" : name.replace(UNPRINTABLE, "?");
}

/** Return the name at a place, as it is shown: with its display name before it, if it has one. */
function named(data, kind, at) {
  const name = printable(data.names[kind][at]);
  const label = data.labels[kind]?.[at] ?? null;
  return label === null ? name : `${printable(label)} (${name})`;
}

/** Return an amount with all its decimals. */
function exact(amount) {
  const size = (amount < 0n ? -amount : amount).toString().padStart(13, "0");
  return `${amount < 0n ? "-" : ""}${size.slice(0, -12)}.${size.slice(-12)}`;
}

/** Return an amount without zeros at its end. */
function plain(amount) {
  return exact(amount).replace(/\.?0+$/u, "");
}

/** Return an amount with its currency: rounded half to even, and never to zero. */
function money(data, amount, currency, signed = false) {
  const code = named(data, "currency", currency);
  const digits = data.decimals[code] ?? 2;
  const unit = 10n ** (PLACES - BigInt(digits));
  const size = amount < 0n ? -amount : amount;
  let count = size / unit;
  const twice = (size % unit) * 2n;
  if (twice > unit || (twice === unit && count % 2n === 1n)) count += 1n;
  const figures = (value) => {
    const text = value.toString().padStart(digits + 1, "0");
    const whole = text.slice(0, text.length - digits).replace(/\B(?=(\d{3})+$)/gu, ",");
    return digits ? `${whole}.${text.slice(-digits)}` : whole;
  };
  if (count === 0n && amount !== 0n) return `${amount > 0n ? "<" : ">-"}${figures(1n)} ${code}`;
  const sign = amount < 0n ? "-" : signed && amount > 0n ? "+" : "";
  return `${sign}${figures(count)} ${code}`;
}

/** Return a double as an amount, to show it. */
function rounded(value) {
  return BigInt(Math.round(value * 1e6)) * 1_000_000n;
}

/** Return a fraction as a percentage; what is not zero is not written as zero. */
function percent(share, signed = false) {
  if (share === null || !Number.isFinite(share)) return NOTHING;
  if (share !== 0 && Math.abs(share) < 0.0005) return share > 0 ? "<0.1%" : ">-0.1%";
  const text = (share * 100).toLocaleString("en", { minimumFractionDigits: 1, maximumFractionDigits: 1 });
  return `${signed && share > 0 ? "+" : ""}${text}%`;
}

/** Return a part of a whole as a fraction; null if the whole is zero. */
function share(part, all) {
  return all === 0n ? null : Number(part) / Number(all);
}

/** Return a price or a quantity with up to ten digits. */
function number(value) {
  if (value === null || !Number.isFinite(value)) return NOTHING;
  return value.toLocaleString("en", { maximumSignificantDigits: 10 });
}

/** Return a money amount in little room, for a picture. */
function short(value, signed = false) {
  const size = Math.abs(value);
  const options = size > 0 && size < 1 ? { maximumSignificantDigits: 2 } : { notation: "compact", maximumSignificantDigits: 3 };
  const sign = value < 0 ? "−" : signed && value > 0 ? "+" : "";
  return sign + size.toLocaleString("en", options).replace("K", "k");
}

/** Return the date of a day of the data. */
function dated(data, day) {
  return new Date(data.first + day * DAY);
}

/** Return a day of the data as ISO 8601 text. */
function iso(data, day) {
  return dated(data, day).toISOString().slice(0, 10);
}

/** Return the day of an ISO 8601 date. */
function dayOf(data, text) {
  return Math.round((Date.parse(`${text}T00:00:00Z`) - data.first) / DAY);
}

/** Return a day as it is read. */
function dayText(data, day) {
  const at = dated(data, day);
  return `${at.getUTCDate()} ${MONTHS[at.getUTCMonth()]} ${at.getUTCFullYear()}`;
}

/** Return a range of days as it is read, with both its ends. */
function span(data, [from, until]) {
  const [first, last, after] = [from, until - 1, until].map((day) => dated(data, day));
  const sameYear = first.getUTCFullYear() === last.getUTCFullYear();
  const sameMonth = sameYear && first.getUTCMonth() === last.getUTCMonth();
  const months = first.getUTCDate() === 1 && after.getUTCDate() === 1;
  const [start, end] = [first, last].map((at) => MONTHS[at.getUTCMonth()]);
  const years = sameYear ? "" : ` ${first.getUTCFullYear()}`;
  if (months) return sameMonth ? `${end} ${last.getUTCFullYear()}` : `${start}${years} – ${end} ${last.getUTCFullYear()}`;
  if (until - from === 1) return dayText(data, from);
  const lead = sameMonth ? first.getUTCDate() : `${first.getUTCDate()} ${start}${years}`;
  return `${lead} – ${dayText(data, until - 1)}`;
}

/** Return the months of a range, each as the days of it that are in the range. */
function monthsOf(data, [from, until]) {
  const found = [];
  for (let day = from; day < until; ) {
    const at = dated(data, day);
    const next = Math.round((Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + 1, 1) - data.first) / DAY);
    found.push([day, Math.min(next, until)]);
    day = next;
  }
  return found;
}
