"""From a transform's frame to what is drawn: a panel for each currency, with a few series.

Frames of any library with the Arrow interface are read; a frame of another transform is an error.
Names after the leading ones are summed into one. Currencies never share an axis.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

import polars as pl

from falusage._usage.currencies import currencies
from falusage._usage.table import Arrow, lazy, require
from falusage._wording.names import title
from falusage.columns import total
from falusage.errors import MixedCurrencyError, QueryError
from falusage.plotting._palette import MAIN, OTHER, colors_of
from falusage.plotting._style import Look, read_look

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TOP: Final = 7
"""How many names are drawn before the rest are folded, if the transform did not fold them."""

Frame: TypeAlias = pl.LazyFrame | Arrow


def read_frame(frame: Frame, *, needs: Sequence[str], made_by: str) -> pl.DataFrame:
    """Return a frame of any kind as a DataFrame.

    Raises:
        MissingColumnError: It is not a frame that `made_by` returns.
        QueryError: It is not a frame, or its periods have no time zone.
    """
    if not isinstance(frame, pl.LazyFrame | Arrow):
        raise QueryError(
            f"a {type(frame).__name__} cannot be drawn; expected the frame that {made_by}() "
            "returns, or the same in another library with the Arrow interface"
        )
    table = lazy(frame, name="the frame").collect()
    require(table.schema, needs, hint=f"This picture draws what {made_by}() returns.")
    if "period" in table.columns and not period_zone(table):
        raise QueryError(
            f"period is {table.schema['period']}; expected a Datetime with a time zone, "
            f"as {made_by}() returns it"
        )
    return table


def period_zone(table: pl.DataFrame) -> str:
    """Return the time zone of the periods; empty if there are none."""
    period = table.schema.get("period")
    return (isinstance(period, pl.Datetime) and period.time_zone) or ""


def named(table: pl.DataFrame, *, measures: Collection[str], other: str) -> pl.DataFrame:
    """Reduce the key to one column `name`; a row that is folded in each part of it is `other`."""
    by = keys(table, measures)
    parts = [pl.col(column).cast(pl.String).fill_null("(none)") for column in by]
    folded = pl.all_horizontal(part == other for part in parts) if parts else pl.lit(value=False)
    name = pl.concat_str(parts, separator=" · ") if parts else pl.lit("")
    return table.select(
        pl.when(folded).then(pl.lit(other)).otherwise(name).alias("name"),
        *(column for column in table.columns if column not in by),
    )


def keys(table: pl.DataFrame, measures: Collection[str]) -> list[str]:
    """Return the columns that the transform was asked to group by."""
    return [column for column in table.columns if column not in measures]


def words(by: Sequence[str]) -> str:
    """Return the end of a title: what a picture is broken down by.

    >>> words(["username", "auth_method"])
    ' by team and caller'
    """
    return f" by {' and '.join(map(title, by))}" if by else ""


@dataclass(frozen=True)
class Sheet:
    """A frame to draw: axes and currency of each panel, `name` and measures of each row.

    If there is nothing to draw, there is one panel without a currency.
    """

    rows: pl.DataFrame
    by: list[str]
    zone: str
    panels: list[tuple[Axes, str]]
    look: Look
    other: str

    @property
    def ax(self) -> Axes:
        """The axes that the caller gets."""
        return self.panels[0][0]

    @property
    def empty(self) -> bool:
        """Whether there is no row."""
        return not self.panels[0][1]

    def in_currency(self, currency: str) -> pl.DataFrame:
        """The rows in one currency."""
        return self.rows.filter(pl.col("currency") == currency)

    def series(self, *, top: int | None, sums: Sequence[pl.Expr]) -> list[list[Series]]:
        """The series of each panel: the `top` names, and the rest folded by `sums`."""
        leading = self.leading(top)
        return [
            split_series(self.in_currency(currency), top=leading, other=self.other, sums=sums)
            for _, currency in self.panels
            if currency
        ]

    def leading(self, top: int | None) -> int:
        """How many names to draw: all if the rest was folded before, else `TOP`."""
        if top is None:
            return max(self.rows.height, 1) if (self.rows["name"] == self.other).any() else TOP
        if top < 1:
            raise QueryError(f"top is {top}; expected at least 1 name to draw")
        return top


def read_sheet(
    frame: Frame,
    *,
    needs: Sequence[str],
    measures: Sequence[str],
    made_by: str,
    ax: Axes | None,
    other: str = "other",
) -> Sheet:
    """Read a transform's frame, and find the axes for its currencies."""
    table = read_frame(frame, needs=needs, made_by=made_by)
    rows = named(table, measures=measures, other=other)
    shown = currencies(rows, amount="cost" if "cost" in rows.columns else "amount")
    axes = axes_for(shown, ax)
    panels = list(zip(axes, shown or [""], strict=True))
    look = read_look(axes[0]).for_names(rows["name"].unique())
    return Sheet(rows, keys(table, measures), period_zone(table), panels, look, other)


@dataclass(frozen=True)
class Series:
    """The rows of one name in one currency, ascending by period; `folded` if it is the rest."""

    name: str
    rows: pl.DataFrame
    folded: bool = False


def split_series(
    rows: pl.DataFrame, *, top: int, other: str, sums: Sequence[pl.Expr]
) -> list[Series]:
    """Return the `top` names by falling cost, then the rest summed into one by `sums`."""
    period = [column for column in rows.columns if column == "period"]
    measures = [sum_.meta.output_name() for sum_ in sums]
    sizes = (
        rows.filter(pl.col("name") != other)
        .group_by("name")
        .agg(total("cost"))
        .sort("cost", "name", descending=[True, False])
    )
    leading = sizes["name"].head(top).to_list()
    table = rows.select("name", *period, *measures).sort("name", *period)
    found = [Series(name, table.filter(pl.col("name") == name)) for name in leading]
    rest = table.filter(~pl.col("name").is_in(leading)).with_columns(name=pl.lit(other))
    if rest.is_empty():
        return found
    summed = rest.group_by("name", *period).agg(*sums).sort("name", *period)
    return [*found, Series(other, summed, folded=True)]


def chosen_colors(
    drawn: Iterable[Iterable[Series]], colors: Mapping[str, str] | None
) -> dict[str, str]:
    """Return the colour of every name that is drawn."""
    names = {one.name for series in drawn for one in series if one.name and not one.folded}
    return colors_of(sorted(names), colors)


def series_color(one: Series, colors: Mapping[str, str]) -> str:
    """Return the colour of a series: grey for the rest, the main one if there are no names."""
    return OTHER if one.folded else colors.get(one.name, MAIN)


def axes_for(shown: Sequence[str], ax: Axes | None) -> list[Axes]:
    """Return the axes for each currency: the given ones, or panels of a new figure."""
    if ax is None:
        from matplotlib import pyplot as plt
        from matplotlib.layout_engine import ConstrainedLayoutEngine

        rows = max(len(shown), 1)
        size = (9, 4.5 if rows == 1 else 3.8 * rows)
        margins = ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.12)
        grid = plt.subplots(rows, figsize=size, layout=margins, squeeze=False)[1]
        return [row[0] for row in grid]
    if len(shown) > 1:
        raise MixedCurrencyError(
            f"{', '.join(sorted(shown))} cannot share one axis; filter one currency, or leave "
            "out ax= for a panel of each"
        )
    return [ax]


def same_width(axes: Sequence[Axes]) -> None:
    """Set the same, widest x limits for all panels, so that their periods line up."""
    limits = [ax.get_xlim() for ax in axes]
    for ax in axes if len(axes) > 1 else ():
        ax.set_xlim(min(low for low, _ in limits), max(high for _, high in limits))
