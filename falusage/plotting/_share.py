"""Shares of cost: bars by falling cost or, over periods, columns of the same height."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Final

import polars as pl

from falusage._wording.dates import NOUNS, Moment, covered, range_facts, spacing, without_gaps
from falusage._wording.money import short_amount
from falusage.columns import total
from falusage.plotting._bars import draw_bars
from falusage.plotting._palette import colors_of
from falusage.plotting._panels import Frame, chosen_colors, read_sheet, same_width, words
from falusage.plotting._stacked_columns import draw_columns
from falusage.plotting._style import no_spend

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_NEEDS: Final = ("currency", "cost", "share")
_MEASURES: Final = (*_NEEDS, "period", "cumulative_share", "rank")
_SUMS: Final = (total("cost"), pl.col("share").sum())


def plot_share(
    share: Frame,
    *,
    ax: Axes | None = None,
    top: int | None = None,
    other: str = "other",
    colors: Mapping[str, str] | None = None,
    start: Moment | None = None,
    end: Moment | None = None,
    timezone: str = "UTC",
) -> Axes:
    """Draw what `cost_share` returns: who spent the money, or on what.

    Without a `period`, a bar for each name by falling cost, with its amount and its share, all in
    one colour, and `other` last in grey. With one, a column for each period, all of the same
    height, cut into the shares, with the period's cost above it; a name has its own colour there,
    the same as in `plot_trend`.

    Args:
        share: The frame: `period` or none, any *by*, `currency`, `cost`, `share`.
        ax: The axes to draw on; by default a new figure with a panel for each currency.
        top: How many names are drawn in each currency, by falling cost; the rest are `other`.
            By default seven, or all if `cost_share` has folded the rest already.
        other: The name of the rest; rows that already have this name are added to it.
        colors: Colours by name that replace those of `colors_of`, or the one colour of bars;
            several *by* make one name, joined by " · ".
        start: The start of the range, for the title, because shares without periods do not have
            it. A date is midnight in `timezone`.
        end: The end of the range, exclusive.
        timezone: The zone in which `start` and `end` are written.

    Returns:
        The axes drawn on. If there are several currencies, the axes of the first; the other
        panels are in `.figure.axes`.

    Raises:
        MissingColumnError: The frame is not one that `cost_share` returns.
        MixedCurrencyError: There are several currencies, and `ax` is given.
        QueryError: `top` is below 1, only one of `start` and `end` is given, or this is not a
            frame.

    >>> frame = pl.DataFrame({
    ...     "username": ["ml", "web"], "currency": ["USD", "USD"],
    ...     "cost": [75.0, 25.0], "share": [0.75, 0.25],
    ... })
    >>> ax = plot_share(frame, start="2025-01-01", end="2025-02-01")
    >>> [text.get_text() for text in ax.texts if "%" in text.get_text()]
    ['$75 · 75%', '$25 · 25%']
    """
    asked = range_facts(start, end, timezone)
    sheet = read_sheet(
        share, needs=_NEEDS, measures=_MEASURES, made_by="cost_share", ax=ax, other=other
    )
    title = f"Cost{words(sheet.by)}"
    drawn = sheet.series(top=top, sums=_SUMS)
    if sheet.empty:
        return no_spend(sheet.ax, sheet.look, title, asked)
    chosen = chosen_colors(drawn, colors)
    found: list[datetime] = (
        sheet.rows["period"].unique().sort().to_list() if "period" in sheet.rows else []
    )
    if found:
        asked = [covered(found, sheet.zone), sheet.zone]
        title = f"Share of cost per {NOUNS.get(spacing(found) or '', 'period')}{words(sheet.by)}"
    periods = without_gaps(found, sheet.zone)
    for (panel, currency), series in zip(sheet.panels, drawn, strict=True):
        spent: float = pl.concat([one.rows for one in series]).select(total("cost")).item()
        facts = [*asked, f"{short_amount(spent, currency)} total ({currency})"]
        if found:
            draw_columns(
                panel,
                series,
                currency,
                column="share",
                periods=periods,
                look=sheet.look,
                title=title,
                facts=facts,
                colors=chosen,
            )
        else:
            draw_bars(
                panel,
                series,
                currency,
                look=sheet.look,
                title=title,
                facts=facts,
                colors=colors_of(colors or (), colors),
            )
    if found:
        same_width([panel for panel, _ in sheet.panels if panel.patches])
    return sheet.ax
