"""Why cost changed, as a waterfall: each bar starts where the bar above it ended."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import polars as pl

from falusage._wording.dates import Moment, range_facts
from falusage._wording.money import short_amount
from falusage.columns import total
from falusage.errors import MissingColumnError, QueryError
from falusage.plotting._labels import make_room, shown
from falusage.plotting._lettering import LITERAL
from falusage.plotting._palette import FALL, OTHER, RISE
from falusage.plotting._panels import Frame, read_frame, read_sheet, words
from falusage.plotting._style import Look, heading, no_spend, quiet
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
    baseline: tuple[Moment, Moment] | None = None,
    comparison: tuple[Moment, Moment] | None = None,
    timezone: str = "UTC",
) -> Axes:
    """Draw what `cost_bridge` returns as a waterfall, from no change to the total change.

    Each step is a bar that starts where the bar above it ended; the last bar is the total change.
    Increases are red, decreases blue, and each bar has its signed amount.

    Args:
        bridge: The frame: any *by*, `unit`, `currency`, `effect`, `amount`.
        ax: The axes to draw on; by default a new figure with a panel for each currency.
        steps: The columns of the frame whose combinations are the steps: `"effect"` for why cost
            changed, `"username"` (if the bridge is *by* it) for whose cost, `("username",
            "effect")` for both. Effects have their own order, others are by falling amount.
        top: How many steps are drawn, the largest up or down; the rest are one, `other`. By
            default seven, or all if the steps are effects.
        other: The name of the rest.
        baseline: The start and end of the earlier range, for the title, because a bridge does not
            have it. A date is midnight in `timezone`.
        comparison: The start and end of the later range.
        timezone: The zone in which they are written.

    Returns:
        The axes drawn on. If there are several currencies, the axes of the first; the other
        panels are in `.figure.axes`.

    Raises:
        MissingColumnError: The frame is not one that `cost_bridge` returns, or lacks a step.
        MixedCurrencyError: There are several currencies, and `ax` is given.
        QueryError: `top` is below 1, or this is not a frame.

    >>> frame = pl.DataFrame({
    ...     "unit": ["image", "image"], "currency": ["USD", "USD"],
    ...     "effect": ["price", "volume"], "amount": [250.0, -100.0],
    ... })
    >>> [text.get_text() for text in plot_bridge(frame).texts if "$" in text.get_text()]
    ['+$150 total (USD)', '+$250', '−$100', '+$150']
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
    asked = _asked(baseline, comparison, timezone)
    if sheet.empty:
        return no_spend(sheet.ax, sheet.look, title, asked)
    for panel, currency in sheet.panels:
        sums = sheet.in_currency(currency).group_by("name").agg(total("amount"))
        found = _steps(sums, top=leading, other=other, effects=effects)
        change: float = sums.select(total("amount")).item()
        facts = [*asked, f"{short_amount(change, currency, signed=True)} total ({currency})"]
        _draw(
            panel,
            [*found, _Step("total change", change)],
            currency=currency,
            look=sheet.look,
            title=title,
            facts=facts,
        )
    return sheet.ax


@dataclass(frozen=True)
class _Step:
    name: str
    amount: float
    folded: bool = False


def _asked(
    baseline: tuple[Moment, Moment] | None, comparison: tuple[Moment, Moment] | None, timezone: str
) -> list[str]:
    if baseline is None or comparison is None:
        if baseline is comparison:
            return []
        raise QueryError("only one of baseline and comparison is given; expected both, or neither")
    before, after = (range_facts(*ends, timezone)[0] for ends in (baseline, comparison))
    return [f"{after} compared with {before}", timezone]


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


def _draw(
    ax: Axes,
    steps: Sequence[_Step],
    *,
    currency: str,
    look: Look,
    title: str,
    facts: Sequence[str],
) -> None:
    quiet(ax, look)
    ax.set_xticks([])
    heading(ax, look, title, facts)
    *parts, whole = steps
    ends = list(itertools.accumulate((step.amount for step in parts), initial=0.0))
    begins = [*ends[:-1], 0.0]
    fills = [OTHER if step.folded else RISE if step.amount > 0 else FALL for step in parts]
    amounts = [*(step.amount for step in parts), whole.amount]
    ax.barh(range(len(steps)), amounts, left=begins, height=0.7, color=[*fills, look.muted])
    low, high = min(ends), max(ends)
    for row, at in enumerate(ends[1:]):
        ax.plot([at, at], [row - 0.35, row + 1.35], color=look.muted, linewidth=0.8, zorder=3)
    ax.plot([0, 0], [-0.5, len(parts) + 0.5], color=look.muted, linewidth=0.8, zorder=3)
    ax.set_ylim(max(len(steps), 5) - 0.5, -0.5)
    ax.set_yticks([])
    names = shown([step.name for step in steps], ax, look, part=0.4)
    beside = {"textcoords": "offset points", "va": "center_baseline", "fontsize": look.size}
    left = [
        ax.annotate(
            names[step.name],
            xy=(low, row),
            xytext=(-0.7 * look.size, 0),
            ha="right",
            color=look.ink,
            fontweight="bold" if step is whole else "normal",
            annotation_clip=False,
            **beside,
            **LITERAL,
        )
        for row, step in enumerate(steps)
    ]
    right = [
        ax.annotate(
            short_amount(step.amount, currency, signed=True),
            xy=(max(begin, begin + step.amount), row),
            xytext=(0.6 * look.size, 0),
            ha="left",
            bbox={"facecolor": look.paper, "edgecolor": "none", "pad": 0.5},
            zorder=4,
            color=look.ink,
            fontweight="bold" if step is whole else "normal",
            annotation_clip=False,
            **beside,
            **LITERAL,
        )
        for row, (step, begin) in enumerate(zip(steps, begins, strict=True))
    ]
    make_room(ax, low, high if high > low else low + 1, left=left, right=right, margin=look.size)
