"""The daily sums behind a page, as one compressed text that its script reads.

A series is a team, product, endpoint, unit, currency, price and discount. Its quantities are
stored as integers. Its costs are stored as what they differ from quantity × price × discount,
rounded to the last place that the costs have: mostly nothing. All of it is integer arithmetic,
so the script computes the same costs to the last digit.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any, Final, TypeAlias

import polars as pl

from falusage._wording.money import decimals
from falusage.columns import MONEY
from falusage.reporting._labels import NO_LABELS, Labels
from falusage.timeframes import boundaries, instant

Days: TypeAlias = tuple[date, date]

NAMES: Final = ("username", "product", "endpoint_id", "unit", "currency")
_PRICES: Final = ("unit_price", "percent_discount")
_SERIES: Final = (*NAMES, *_PRICES)
_PLACES: Final = 12
"""The decimal places of `MONEY`."""

_SAFE: Final = 10**15
"""A script reads smaller integers of JSON exactly; others are written as text."""

_FITS: Final = 2**126

_SPARSE: Final = 4
"""If at most one in so many integers is not zero, those are written apart."""


def daily_data(
    daily: pl.DataFrame,
    *,
    start: date,
    end: date,
    timezone: str = "UTC",
    compared: tuple[Days, Days] | None = None,
    colors: Mapping[str, str] | None = None,
    labels: Labels = NO_LABELS,
    steps: pl.DataFrame | None = None,
    unusual: pl.DataFrame | None = None,
) -> str:
    """Return the daily sums and what a page shows beside them as base64 text.

    Args:
        daily: One row for each `day` (Date) and series (`username`, `product`, `endpoint_id`,
            `unit`, `currency`, `unit_price`, `percent_discount`), with `quantity`, `cost_subtotal`
            and `cost` as `Decimal(38, 12)`. Names, discounts and subtotals may be null.
        start: The first day.
        end: The day after the last one.
        timezone: The zone of the days.
        compared: The comparison and the baseline, each its first day and the day after its last.
            They are not compared if a day of them is not among the days of the page.
        colors: A colour for each leading team and endpoint.
        labels: The display names of names; those of names that the page has are in it.
        steps: What `price_changes` returned.
        unusual: What `anomalies` returned, by `username`, with what `causes` found.
    """
    if not daily.is_empty():
        start = min(start, daily.select(pl.col("day").min()).item())
        end = max(end, daily.select(pl.col("day").max()).item() + timedelta(days=1))
    names = {name: _sorted(daily[name]) for name in NAMES}
    ends = [day for one in compared or () for day in one]
    inside = bool(ends) and start <= min(ends) and max(ends) <= end
    ranges = [[(day - start).days for day in one] for one in compared or ()] if inside else None
    head = {
        "start": start.isoformat(),
        "days": (end - start).days,
        "hours": _unusual_hours(start, end, timezone),
        "compared": ranges,
        "names": names,
        "labels": {
            kind: [given.get(name) if name is not None else None for name in names[kind]]
            for kind, given in labels.items()
            if kind in names
        },
        "colors": dict(colors or {}),
        "decimals": {code: decimals(code) for code in names["currency"] if code is not None},
        "steps": _records(steps, timezone),
        "unusual": _records(unusual, timezone),
    }
    text = json.dumps(head, ensure_ascii=False, separators=(",", ":"))
    series = ",".join(_series(daily, names, start))
    whole = f'{text[:-1]},"series":[{series}]}}'
    # Random digits repeat by chance; this strategy does not look for short repetitions.
    packer = zlib.compressobj(6, zlib.DEFLATED, zlib.MAX_WBITS, 9, zlib.Z_FILTERED)
    return base64.b64encode(packer.compress(whole.encode()) + packer.flush()).decode()


def daily_sums(items: pl.DataFrame, timezone: str) -> pl.DataFrame:
    """Return the line items of a usage table as the frame of `daily_data`."""
    day = pl.col("bucket").dt.convert_time_zone(timezone).dt.date().alias("day")
    whole = pl.col("cost_subtotal").is_not_null().all()
    return items.group_by(day, *_SERIES).agg(
        pl.col("quantity", "cost").cast(MONEY).sum(),
        pl.when(whole).then(pl.col("cost_subtotal").cast(MONEY).sum()),
    )


def _sorted(names: pl.Series) -> list[str | None]:
    found: list[str | None] = names.cast(pl.String).unique().to_list()
    return sorted(found, key=lambda name: (name is None, (name or "").casefold(), name))


def _unusual_hours(start: date, end: date, timezone: str) -> list[tuple[int, float]]:
    """Return the days that do not have 24 hours, by their place, and how many they have."""
    first, last = (instant(day, timezone=timezone, name="day") for day in (start, end))
    if first >= last:
        return []
    ends = boundaries(first, last, every="1d", timezone=timezone).to_list()
    hours = [
        (place, (after - before) / timedelta(hours=1))
        for place, (before, after) in enumerate(pairwise(ends))
    ]
    return [pair for pair in hours if pair[1] != 24]


def _records(frame: pl.DataFrame | None, timezone: str) -> list[dict[str, Any]]:
    """Return the rows as records; an instant becomes its local day."""
    if frame is None:
        return []
    zoned = [name for name, dtype in frame.schema.items() if isinstance(dtype, pl.Datetime)]
    local = pl.col(zoned).dt.convert_time_zone(timezone).dt.date()
    plain = frame.with_columns(local).with_columns(pl.col(pl.Date).dt.to_string())
    return plain.with_columns(pl.col(pl.Decimal).cast(pl.Float64)).to_dicts()


def _series(
    daily: pl.DataFrame, names: Mapping[str, list[str | None]], start: date
) -> Iterator[str]:
    """Yield each series as JSON: its places among the names, price, discount, days and numbers."""
    if daily.is_empty():
        return
    places = [_place(name, names[name]) for name in NAMES]
    amounts = [pl.col(name).cast(MONEY).to_physical() for name in ("quantity", "cost")]
    subtotal = pl.col("cost_subtotal").cast(MONEY).to_physical()
    day = (pl.col("day") - pl.lit(start)).dt.total_days()
    rows = daily.select(*places, *_PRICES, day.alias("day"), *amounts, subtotal).sort(
        *_SERIES, "day"
    )
    rows = rows.select(pl.struct(_SERIES).alias("key"), pl.exclude(_SERIES)).with_columns(
        series=pl.col("key").rle_id()
    )
    if rows.select("series", "day").is_duplicated().any():
        raise AssertionError("a day of a series has several rows")
    units = _units(rows)
    rows = rows.join(units, on="series", maintain_order="left").with_columns(
        quantity=pl.col("quantity") // pl.col("quantity_unit"),
        cost=pl.col("cost") // pl.col("cost_unit") - _predicted("cost"),
        cost_subtotal=pl.col("cost_subtotal") // pl.col("subtotal_unit") - _predicted("subtotal"),
        gap=pl.col("day") - pl.col("day").shift(1).over("series").fill_null(pl.col("day")),
        place=pl.int_range(pl.len()).over("series"),
    )
    texts = rows.group_by("series", maintain_order=True).agg(
        pl.col("key", "day").first(),
        pl.when((pl.col("gap") > 1).any())
        .then(pl.col("gap").cast(pl.String).str.join(","))
        .alias("gaps"),
        _joined("quantity").alias("quantities"),
        *(pl.col(name).first() for name in units.columns if name != "series"),
    )
    left = {name: _left(rows, name) for name in ("cost", "cost_subtotal")}
    for row in texts.iter_rows(named=True):
        yield _json(row, [left[name][row["series"]] for name in left])


def _place(name: str, names: list[str | None]) -> pl.Expr:
    """Return the place of each name in the list; null is the last one."""
    known = [one for one in names if one is not None]
    column = pl.col(name).cast(pl.String)
    if not known:
        return pl.lit(0, pl.Int64).alias(name)
    found = column.replace_strict(known, range(len(known)), default=None, return_dtype=pl.Int64)
    return found.fill_null(len(known)).alias(name)


def _zeros(column: str) -> pl.Expr:
    """Return how many zeros every integer of a series ends in, up to `_PLACES`."""
    text = pl.col(column).cast(pl.String)
    zeros = text.str.len_bytes() - text.str.strip_chars_end("0").str.len_bytes()
    exact = pl.when(pl.col(column) == 0).then(_PLACES).otherwise(zeros.cast(pl.Int64))
    return exact.min().clip(0, _PLACES).fill_null(_PLACES)


def _units(rows: pl.DataFrame) -> pl.DataFrame:
    """Return how each series is written: its units, and how its costs follow from its quantities.

    A prediction is quantity × `times`, then × `up`, or ÷ `down`, rounded half up.
    """
    shapes = rows.group_by("series").agg(
        pl.col("key").first(),
        pl.col("quantity").min().alias("least"),
        pl.col("quantity").max().alias("most"),
        *(_zeros(name).alias(name) for name in ("quantity", "cost", "cost_subtotal")),
    )
    found: list[dict[str, int]] = []
    for row in shapes.iter_rows(named=True):
        price, discount = (row["key"][name] for name in ("unit_price", "percent_discount"))
        list_price = Decimal(0) if price is None else Decimal(repr(float(price)))
        left = (100 - Decimal(repr(float(discount or 0)))).scaleb(-2)
        most = 0 if row["least"] < 0 else row["most"] // 10 ** row["quantity"]
        units = {"series": row["series"], "quantity_unit": 10 ** row["quantity"]}
        for name, column, factor in (
            ("cost", "cost", list_price * left),
            ("subtotal", "cost_subtotal", list_price),
        ):
            units[f"{name}_unit"] = 10 ** row[column]
            shift = row["quantity"] - row[column]
            units |= {
                f"{name}_{part}": value
                for part, value in _factor(factor, shift, most, signed=row["least"] < 0).items()
            }
        found.append(units)
    wide = dict.fromkeys([name for name in found[0] if name != "series"], pl.Int128)
    return pl.DataFrame(found, schema={"series": rows.schema["series"], **wide})


def _factor(factor: Decimal, shift: int, most: int, *, signed: bool) -> dict[str, int]:
    """Return a factor × 10**shift as integers; zero if a prediction would not fit."""
    sign, figures, exponent = factor.normalize().as_tuple()
    times = int("".join(map(str, figures)))
    power = int(exponent) + shift
    up, down = 10 ** max(power, 0), 10 ** max(-power, 0)
    if sign or signed or max(most * times * up, up) + down >= _FITS:
        return {"times": 0, "up": 1, "down": 1}
    return {"times": times, "up": up, "down": down}


def _predicted(name: str) -> pl.Expr:
    times, up, down = (pl.col(f"{name}_{part}") for part in ("times", "up", "down"))
    return (pl.col("quantity") // pl.col("quantity_unit") * times * up + down // 2) // down


def _joined(column: str) -> pl.Expr:
    """Return the integers of a series as the inside of a JSON list."""
    value = pl.col(column)
    text = value.cast(pl.String)
    large = value.abs() >= _SAFE
    return pl.when(large).then('"' + text + '"').otherwise(text).fill_null("null").str.join(",")


def _left(rows: pl.DataFrame, column: str) -> dict[int, str]:
    """Return what is left of a column of each series as JSON; mostly that is nothing.

    It is null if all are null, 0 if all are zero, and otherwise a list of them. A few that are not
    zero are two lists: how many places each is after the one before it, and their values.
    """
    value, size = pl.col(column), pl.len()
    odd = value != 0
    shape = (
        pl.when(value.null_count() == size)
        .then(pl.lit("null"))
        .when((value.null_count() > 0) | (odd.sum() * _SPARSE > size))
        .then(pl.lit("dense"))
        .when(odd.any())
        .then(pl.lit("sparse"))
        .otherwise(pl.lit("0"))
    )
    shapes = rows.group_by("series").agg(shape.alias("shape"))
    found: dict[int, str] = dict(shapes.iter_rows())
    listed = rows.join(shapes, on="series", maintain_order="left")
    for form, group in (
        ("dense", listed.filter(pl.col("shape") == "dense")),
        ("sparse", listed.filter((pl.col("shape") == "sparse") & odd)),
    ):
        steps = pl.col("place").diff().fill_null(pl.col("place")).cast(pl.String).str.join(",")
        lists = group.group_by("series", maintain_order=True).agg(_joined(column), steps)
        for series, values, places in lists.iter_rows():
            found[series] = f"[{values}]" if form == "dense" else f"[[{places}],[{values}]]"
    return found


def _json(row: Mapping[str, Any], left: Sequence[str]) -> str:
    key = row["key"]
    places = ",".join(str(key[name]) for name in NAMES)
    prices = json.dumps([key["unit_price"], key["percent_discount"]])[1:-1]
    gaps = f"[{row['gaps']}]" if row["gaps"] else "0"
    amounts = [f"[{row['quantity_unit']},[{row['quantities']}]]"]
    for name, rest in zip(("cost", "subtotal"), left, strict=True):
        given = (_number(row[f"{name}_{part}"]) for part in ("unit", "times", "up", "down"))
        amounts.append(rest if rest == "null" else f"[{','.join(given)},{rest}]")
    return f"[{places},{prices},{row['day']},{gaps},{','.join(amounts)}]"


def _number(value: int) -> str:
    return str(value) if value < _SAFE else f'"{value}"'
