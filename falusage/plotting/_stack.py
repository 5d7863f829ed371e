"""Cost per period as columns, cut into names."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Final

import polars as pl

from falusage._wording.dates import NOUNS, covered, spacing, without_gaps
from falusage._wording.money import short_amount
from falusage.columns import total
from falusage.plotting._panels import Frame, chosen_colors, read_sheet, same_width, words
from falusage.plotting._stacked_columns import draw_columns
from falusage.plotting._style import no_spend

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_NEEDS: Final = ("period", "currency", "cost")
_MEASURES: Final = (
    *_NEEDS,
    *("previous", "change", "pct_change", "rolling_mean", "complete"),
    *("share", "cumulative_share", "rank", "quantity"),
)


def plot_stack(
    costs: Frame,
    *,
    ax: Axes | None = None,
    top: int | None = None,
    other: str = "other",
    colors: Mapping[str, str] | None = None,
) -> Axes:
    """Draw cost per period as columns, from zero, each cut into its names.

    The largest name is at the bottom, `other` in grey at the top, in the same order and colours in
    every period. The periods of a `trend` that are not `complete` are hatched. A period that is
    missing from the frame has an empty place.

    Args:
        costs: What `rollup` with `every` returns, or `trend`, or `cost_share` with `every`:
            `period`, any *by*, `currency`, `cost`.
        ax: The axes to draw on; by default a new figure with a panel for each currency.
        top: How many names are drawn in each currency, by falling cost; the rest are `other`.
            By default seven, or all if the frame has an `other` already.
        other: The name of the rest; rows that already have this name are added to it.
        colors: Colours by name that replace those of `colors_of`; several *by* make one name,
            joined by " · ".

    Returns:
        The axes drawn on. If there are several currencies, the axes of the first; the other
        panels are in `.figure.axes`.

    Raises:
        MissingColumnError: The frame has no periods, or no cost.
        MixedCurrencyError: There are several currencies, and `ax` is given.
        QueryError: `top` is below 1, or this is not a frame.

    >>> from datetime import UTC
    >>> frame = pl.DataFrame({
    ...     "period": [datetime(2025, month, 1, tzinfo=UTC) for month in (1, 2)],
    ...     "currency": ["USD", "USD"], "cost": [1500.0, 2500.0],
    ... })
    >>> [float(part.get_height()) for part in plot_stack(frame).patches]
    [1500.0, 2500.0]
    """
    sheet = read_sheet(
        costs, needs=_NEEDS, measures=_MEASURES, made_by="rollup", ax=ax, other=other
    )
    sums = [total("cost")]
    if "complete" in sheet.rows.columns:
        sums.append(pl.col("complete").all())
    drawn = sheet.series(top=top, sums=sums)
    if sheet.empty:
        return no_spend(sheet.ax, sheet.look, f"Cost{words(sheet.by)}", [sheet.zone])
    found: list[datetime] = sheet.rows["period"].unique().sort().to_list()
    noun = NOUNS.get(spacing(found) or "", "period")
    chosen = chosen_colors(drawn, colors)
    for (panel, currency), series in zip(sheet.panels, drawn, strict=True):
        rows = pl.concat([one.rows for one in series])
        spent: float = rows.select(total("cost")).item()
        facts = [
            covered(found, sheet.zone),
            sheet.zone,
            f"{short_amount(spent, currency)} total ({currency})",
        ]
        if "complete" in rows.columns and not rows["complete"].all():
            facts.append(f"hatched: incomplete {noun}")
        draw_columns(
            panel,
            series,
            currency,
            column="cost",
            periods=without_gaps(found, sheet.zone),
            look=sheet.look,
            title=f"Cost per {noun}{words(sheet.by)}",
            facts=facts,
            colors=chosen,
        )
    same_width([panel for panel, _ in sheet.panels if panel.patches])
    return sheet.ax
