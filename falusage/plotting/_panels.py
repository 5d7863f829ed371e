"""From a transform's frame to what is drawn: a panel for each currency, in it a few series.

Frames of any library with the Arrow PyCapsule interface are read, those of another transform
refused, and names beyond the leading ones summed into one. Currencies never share an axis.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

import polars as pl

from falusage._usage.currencies import currencies
from falusage.columns import total
from falusage.errors import MissingColumnError, MixedCurrencyError, QueryError
from falusage.plotting._palette import MAIN, OTHER, colors_of
from falusage.plotting._style import Look, look_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TOP: Final = 7
"""How many names are drawn before the rest are folded, where the transform did not fold them."""

WORDS: Final = {"username": "team", "endpoint_id": "endpoint", "api_key_id": "API key"}
"""What a column is called in a title, where that is not its name with spaces."""


class ArrowStream(Protocol):
    """Anything with the Arrow PyCapsule interface: a pandas frame, a pyarrow table, a relation."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Export the table; see the Arrow PyCapsule interface."""
        ...


Frame = pl.DataFrame | pl.LazyFrame | ArrowStream


def table_of(frame: Frame, *, needs: Sequence[str], made_by: str) -> pl.DataFrame:
    """Read a frame of any kind, and refuse one that the transform did not make."""
    if isinstance(frame, pl.LazyFrame):
        table = frame.collect()
    elif isinstance(frame, pl.DataFrame):
        table = frame
    elif hasattr(frame, "__arrow_c_stream__"):
        table = pl.DataFrame(frame)
    else:
        raise QueryError(
            f"a {type(frame).__name__} cannot be drawn; expected the frame that {made_by}() "
            "returns, or the same in another library with the Arrow PyCapsule interface"
        )
    for column in needs:
        if column not in table.columns:
            raise MissingColumnError(
                column, table.columns, hint=f"This picture draws what {made_by}() returns."
            )
    if "period" in table.columns and not zone_of(table):
        raise QueryError(
            f"period is {table.schema['period']}; expected a Datetime with a time zone, "
            f"as {made_by}() gives it"
        )
    return table


def zone_of(table: pl.DataFrame) -> str:
    """Give the time zone of the periods; nothing where there are none."""
    period = table.schema.get("period")
    return (isinstance(period, pl.Datetime) and period.time_zone) or ""


def named(table: pl.DataFrame, *, measures: Collection[str], other: str) -> pl.DataFrame:
    """Reduce the key to one column `name`; a row that is folded in every part of it is `other`."""
    by = keys(table, measures)
    parts = [pl.col(column).cast(pl.String).fill_null("(none)") for column in by]
    folded = pl.all_horizontal(part == other for part in parts) if parts else pl.lit(value=False)
    name = pl.concat_str(parts, separator=" · ") if parts else pl.lit("")
    return table.select(
        pl.when(folded).then(pl.lit(other)).otherwise(name).alias("name"),
        *(column for column in table.columns if column not in by),
    )


def keys(table: pl.DataFrame, measures: Collection[str]) -> list[str]:
    """Give the columns that the transform was asked to group by: those it did not add."""
    return [column for column in table.columns if column not in measures]


def words(by: Sequence[str]) -> str:
    """Say what a picture is broken down by, as the end of its title.

    >>> words(["username", "auth_method"])
    ' by team and auth method'
    """
    said = [WORDS.get(column, column.replace("_", " ")) for column in by]
    return f" by {' and '.join(said)}" if said else ""


@dataclass(frozen=True)
class Sheet:
    """A frame about to be drawn: axes and currency of each panel, `name` and measures of each row.

    Where nothing is to be drawn there is one panel, without a currency.
    """

    rows: pl.DataFrame
    by: list[str]
    zone: str
    panels: list[tuple[Axes, str]]
    look: Look
    other: str

    @property
    def ax(self) -> Axes:
        """The axes that a caller gets."""
        return self.panels[0][0]

    @property
    def empty(self) -> bool:
        """Whether there is no row."""
        return not self.panels[0][1]

    def of(self, currency: str) -> pl.DataFrame:
        """The rows in one currency."""
        return self.rows.filter(pl.col("currency") == currency)

    def series(self, *, top: int | None, sums: Sequence[pl.Expr]) -> list[list[Series]]:
        """The series of each panel: the `top` names, and the rest folded by `sums`."""
        leading = self.leading(top)
        return [
            series_of(self.of(currency), top=leading, other=self.other, sums=sums)
            for _, currency in self.panels
            if currency
        ]

    def leading(self, top: int | None) -> int:
        """How many names to draw: all of what was folded before, or else `TOP`."""
        if top is None:
            return max(self.rows.height, 1) if (self.rows["name"] == self.other).any() else TOP
        if top < 1:
            raise QueryError(f"top is {top}; expected at least 1 name to draw")
        return top


def sheet_of(
    frame: Frame,
    *,
    needs: Sequence[str],
    measures: Sequence[str],
    made_by: str,
    ax: Axes | None,
    other: str = "other",
) -> Sheet:
    """Read a transform's frame, and find the axes that its currencies are drawn on."""
    table = table_of(frame, needs=needs, made_by=made_by)
    rows = named(table, measures=measures, other=other)
    shown = currencies(rows, amount="cost" if "cost" in rows.columns else "amount")
    axes = axes_for(shown, ax)
    panels = list(zip(axes, shown or [""], strict=True))
    return Sheet(rows, keys(table, measures), zone_of(table), panels, look_of(axes[0]), other)


@dataclass(frozen=True)
class Series:
    """One name's rows in one currency, ascending by period; `folded` where it is the rest."""

    name: str
    rows: pl.DataFrame
    folded: bool = False


def series_of(rows: pl.DataFrame, *, top: int, other: str, sums: Sequence[pl.Expr]) -> list[Series]:
    """Give the `top` names by falling cost, then the rest in one, by `sums` over each period."""
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
    """Give every name that is drawn its colour, whatever its rank, so that pictures agree."""
    names = {one.name for series in drawn for one in series if one.name and not one.folded}
    return colors_of(sorted(names), colors)


def color_of(one: Series, colors: Mapping[str, str]) -> str:
    """Give a series' colour: grey for the rest, the main one where nothing is broken down."""
    return OTHER if one.folded else colors.get(one.name, MAIN)


def axes_for(shown: Sequence[str], ax: Axes | None) -> list[Axes]:
    """Give axes for each currency: those of the caller for one, else panels of a new figure."""
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
    """Give panels over the same periods the same x limits, the widest, so that they line up."""
    limits = [ax.get_xlim() for ax in axes]
    for ax in axes if len(axes) > 1 else ():
        ax.set_xlim(min(low for low, _ in limits), max(high for _, high in limits))
