"""Why cost changed, as a waterfall from the cost of one range to that of another."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import polars as pl

from falusage._wording.money import short_amount
from falusage.columns import total
from falusage.errors import MissingColumnError
from falusage.plotting._palette import FALL, OTHER, RISE, colors_of
from falusage.plotting._panels import Frame, read_frame, read_sheet, words
from falusage.plotting._ranges import End, RangeCost, read_ranges
from falusage.plotting._style import Look, no_spend
from falusage.plotting._waterfall import Bar, draw_waterfall
from falusage.transforms.cost_bridge import EFFECTS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_NEEDS: Final = ("currency", "effect", "amount")


def plot_bridge(
    bridge: Frame,
    *,
    ax: Axes | None = None,
    steps: str | Sequence[str] = "effect",
    top: int | None = None,
    other: str = "other",
    colors: Mapping[str, str] | None = None,
    baseline: End | None = None,
    comparison: End | None = None,
    timezone: str = "UTC",
) -> Axes:
    """Draw what `cost_bridge` returns as a waterfall: each step starts where the one above ended.

    If the costs of both ranges are given, the first bar is the cost of the earlier range, the last
    one that of the later range, and the steps lead from one to the other. End bars much longer than
    all steps are cut, which a gap in them and a remark show. Without the costs, the steps start at
    zero, and the last bar is the total change. Increases are red, decreases blue, and each bar has
    its amount.

    Args:
        bridge: The frame: any *by*, `unit`, `currency`, `effect`, `amount`.
        ax: The axes to draw on; by default a new figure with a panel for each currency.
        steps: The columns of the frame whose combinations are the steps: `"effect"` for why cost
            changed, `"username"` (if the bridge is *by* it) for whose cost, `("username",
            "effect")` for both. Effects have the order of `cost_bridge`, others are by falling
            amount.
        top: How many steps are drawn, the largest up or down; the rest are one, `other`. By
            default seven, or all if the steps are effects.
        other: The name of the rest.
        colors: Colours of steps by name, that replace red and blue; several columns make one name,
            joined by " · ".
        baseline: The start and end of the earlier range, because a bridge does not have them, and
            its cost: `(start, end)` or `(start, end, cost)`. A date is midnight in `timezone`. With
            several currencies, the cost is a mapping from currency to cost.
        comparison: The same of the later range.
        timezone: The zone in which they are written.

    Returns:
        The axes drawn on. If there are several currencies, the axes of the first; the other
        panels are in `.figure.axes`.

    Raises:
        MissingColumnError: The frame is not one that `cost_bridge` returns, or lacks a step.
        MixedCurrencyError: There are several currencies, and `ax` is given, or the cost of a range
            is one number.
        QueryError: `top` is below 1, this is not a frame, only one range or only one cost is given,
            or the bridge does not lead from one cost to the other.

    >>> frame = pl.DataFrame({
    ...     "unit": ["image", "image"], "currency": ["USD", "USD"],
    ...     "effect": ["price", "volume"], "amount": [250.0, -100.0],
    ... })
    >>> april, may = ("2025-04-01", "2025-05-01", 1000.0), ("2025-05-01", "2025-06-01", 1150.0)
    >>> ax = plot_bridge(frame, baseline=april, comparison=may)
    >>> [text.get_text() for text in ax.texts][1:]
    ['Apr 2025', 'price', 'volume', 'May 2025', '$1k', '+$250', '−$100', '$1.15k']
    """
    columns = (steps,) if isinstance(steps, str) else tuple(steps)
    table = read_frame(bridge, needs=_NEEDS, made_by="cost_bridge")
    for column in columns:
        if column not in table.columns:
            raise MissingColumnError(column, table.columns, hint="Steps are columns of the bridge.")
    kept = ("currency", "amount")
    sheet = read_sheet(
        table.select(*dict.fromkeys((*columns, *kept))),
        needs=kept,
        measures=kept,
        made_by="cost_bridge",
        ax=ax,
        other=other,
    )
    effects = columns == ("effect",)
    leading = sheet.leading(len(EFFECTS) if effects and top is None else top)
    title = "Why cost changed" if effects else f"Change in cost{words(sheet.by)}"
    ranges = read_ranges(baseline, comparison, timezone)
    if sheet.empty:
        return no_spend(sheet.ax, sheet.look, title, ranges.facts)
    colored = colors_of(colors or (), colors)
    for panel, currency in sheet.panels:
        sums = sheet.in_currency(currency).group_by("name").agg(total("amount"))
        found = _steps(sums, top=leading, other=other, effects=effects)
        change: float = sums.select(total("amount")).item()
        facts = [*ranges.facts, f"{short_amount(change, currency, signed=True)} total ({currency})"]
        ends = ranges.ends(currency, change, alone=len(sheet.panels) == 1)
        bars = _bars(found, ends, change, currency=currency, look=sheet.look, colors=colored)
        draw_waterfall(panel, bars, look=sheet.look, title=title, facts=facts)
    return sheet.ax


@dataclass(frozen=True)
class _Step:
    name: str
    amount: float
    folded: bool = False


def _steps(sums: pl.DataFrame, *, top: int, other: str, effects: bool) -> list[_Step]:
    """Return the largest steps in the order drawn, with the rest folded into the last."""
    size, called = pl.col("amount").abs(), pl.col("name") == other
    ranked = sums.sort(called, size, "name", descending=[False, True, False])
    first = ranked.filter(~called).head(top)
    order = (
        pl.col("name").replace_strict(EFFECTS, range(len(EFFECTS)), default=len(EFFECTS))
        if effects
        else -pl.col("amount")
    )
    rest = ranked.join(first, on="name", how="anti")
    drawn = [_Step(*row) for row in first.sort(order, "name").select("name", "amount").iter_rows()]
    folded = [_Step(other, rest.select(total("amount")).item(), folded=True)]
    return [*drawn, *(folded if rest.height else [])]


def _bars(
    steps: Sequence[_Step],
    ends: tuple[RangeCost, RangeCost] | None,
    change: float,
    *,
    currency: str,
    look: Look,
    colors: Mapping[str, str],
) -> list[Bar]:
    """Return the bars from the top down: the steps, between both costs if they are known."""
    from matplotlib.colors import to_hex

    grey = to_hex(look.muted)
    levels = list(
        itertools.accumulate((step.amount for step in steps), initial=ends[0].cost if ends else 0.0)
    )
    found = [
        Bar(
            step.name,
            begin,
            end,
            short_amount(step.amount, currency, signed=True),
            colors.get(step.name) or (OTHER if step.folded else RISE if step.amount > 0 else FALL),
        )
        for step, (begin, end) in zip(steps, itertools.pairwise(levels), strict=True)
    ]
    if ends is None:
        text = short_amount(change, currency, signed=True)
        return [*found, Bar("total change", 0.0, levels[-1], text, grey, whole=True)]
    first, last = (
        Bar(end.name, 0.0, end.cost, short_amount(end.cost, currency), grey, whole=True)
        for end in ends
    )
    return [first, *found, last]
