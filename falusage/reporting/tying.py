"""A tie-out as text: what agrees, what each part of the gap is, and what has no reason."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import polars as pl

from falusage._wording.dates import month_name
from falusage.focus import PARTS, UNEXPLAINED, in_words
from falusage.reporting.columns import Column, amounts, names, texts
from falusage.reporting.layout import lay_out, wrapped

_SIDES: Final = {"usage_cost": "usage", "billed_cost": "charges", "gap": "difference"}


def unexplained(lines: pl.DataFrame) -> pl.DataFrame:
    """Return the lines of a tie-out that have a difference without a reason."""
    return lines.filter(pl.any_horizontal(pl.col(name) != 0 for name in UNEXPLAINED))


def verdict(lines: pl.DataFrame) -> str:
    """Return in a sentence whether usage and charges agree.

    Args:
        lines: The result of `tie_out`, which may be summed up.
    """
    if not _has(lines, "billed_cost"):
        if not _has(lines, "usage_cost"):
            return "There is no usage and no charge."
        return "There are no charges to compare the usage with."
    if (lines["gap"] == 0).all():
        return "The charges and the usage agree."
    if unexplained(lines).is_empty():
        return "The charges and the usage agree, and every difference has a reason."
    return "The charges and the usage differ, and a part of the difference has no reason."


def without_usage(lines: pl.DataFrame) -> list[str]:
    """Return the products that are only in the charges because the usage was not asked for them."""
    found = lines.filter(pl.col("not_loaded") != 0, pl.col("usage_cost") == 0)
    return sorted(found["product"].drop_nulls().unique())


def tie_text(lines: pl.DataFrame, *, width: int | None = None) -> Iterator[str]:
    """Yield a tie-out as lines of text: the sums of each month and currency, then what is open.

    Args:
        lines: The result of `tie_out`.
        width: The width to keep to; None is any.
    """
    yield from wrapped(verdict(lines), width)
    for product in without_usage(lines):
        yield from wrapped(
            f"{product} is only in the charges: the usage was not asked for it.", width
        )
    for (month, _), sums in _sums(lines).group_by(["period", "currency"], maintain_order=True):
        parts = sums.filter(pl.col("amount") != 0, ~pl.col("name").is_in(list(_SIDES)[:2]))
        sides = sums.head(2)
        said = [
            _SIDES[name] if name in _SIDES else f"  {in_words(name, amount)}"
            for name, amount in pl.concat([sides, parts]).select("name", "amount").iter_rows()
        ]
        cells = [
            *amounts(sides, "amount").cells,
            *amounts(parts, "amount", signed=True).cells,
        ]
        yield ""
        title = month_name(month)  # type: ignore[arg-type] # a datetime
        yield from lay_out([texts(title, said), Column("", cells, numeric=True)], width=width)
    open_ = unexplained(lines)
    if open_.is_empty() or not _has(lines, "billed_cost"):
        return
    yield ""
    yield "DIFFERENCES WITHOUT A REASON"
    rest = open_.with_columns(rest=pl.sum_horizontal(UNEXPLAINED))
    yield from lay_out(
        [
            names(rest, "username"),
            names(rest, "product"),
            amounts(rest, "usage_cost", "usage"),
            amounts(rest, "billed_cost", "charges"),
            amounts(rest, "rest", "without a reason", signed=True),
        ],
        width=width,
    )


def _has(lines: pl.DataFrame, side: str) -> bool:
    """Return whether a side has any amount."""
    return (lines[side] != 0).any()


def _sums(lines: pl.DataFrame) -> pl.DataFrame:
    """Return both sides and the parts of each month and currency, one to a row, in order."""
    order = [*_SIDES, *PARTS]
    return (
        lines.group_by("period", "currency")
        .agg(pl.col(order).sum())
        .sort("period", "currency")
        .unpivot(order, index=["period", "currency"], variable_name="name", value_name="amount")
        .with_columns(pl.col("name").cast(pl.Enum(order)))
        .sort("period", "currency", "name")
        .with_columns(pl.col("name").cast(pl.String))
    )
