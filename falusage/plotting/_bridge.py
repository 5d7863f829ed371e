"""Why the bill changed, as a waterfall: each bar begins where the one above it ended."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import polars as pl

from falusage._wording.dates import Moment, range_facts
from falusage._wording.money import money
from falusage.columns import total
from falusage.errors import MissingColumnError, QueryError
from falusage.plotting._labels import make_room, shown
from falusage.plotting._lettering import LITERAL
from falusage.plotting._palette import FALL, OTHER, RISE
from falusage.plotting._panels import Frame, sheet_of, table_of, words
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
    """Draw what `cost_bridge` returns as a waterfall, from no change to the change in all.

    A bar for each step: it begins where the one above it ended, so the last ends where the change
    in all does. What adds is red, what takes away blue; both say their amount and sign.

    Args:
        bridge: The frame: any *by*, `unit`, `currency`, `effect`, `amount`.
        ax: Where to draw. Without it a new figure is made, with a panel for each currency.
        steps: The columns of the frame whose combinations are the steps: `"effect"` says why the
            bill changed, `"username"` (if the bridge is *by* it) at whom, `("username",
            "effect")` both. Effects come in their own order, all else by falling amount.
        top: How many steps are drawn, the largest either way; the rest are one, `other`. None
            draws seven, or all where the steps are effects.
        other: The name of the rest.
        baseline: The start and end that were compared with, for the title; a bridge does not
            carry them. A date is midnight in `timezone`.
        comparison: The start and end that are explained.
        timezone: The zone that they are said in.

    Returns:
        The axes drawn on. Where there are several currencies, those of the one with the most
        rows; the other panels are in `.figure.axes`, below.

    Raises:
        MissingColumnError: The frame is not one that `cost_bridge` made, or lacks a step.
        MixedCurrencyError: There are several currencies, and only one `ax`.
        QueryError: `top` is below 1, or this is no frame.

    >>> frame = pl.DataFrame({
    ...     "unit": ["image", "image"], "currency": ["USD", "USD"],
    ...     "effect": ["price", "volume"], "amount": [250.0, -100.0],
    ... })
    >>> [text.get_text() for text in plot_bridge(frame).texts if "$" in text.get_text()]
    ['+$150 in all (USD)', '+$250', '−$100', '+$150']
    """
    columns = (steps,) if isinstance(steps, str) else tuple(steps)
    table = table_of(bridge, needs=_NEEDS, made_by="cost_bridge")
    for column in columns:
        if column not in table.columns:
            raise MissingColumnError(column, table.columns, hint="Steps are columns of the bridge.")
    kept = ("currency", "amount")
    sheet = sheet_of(
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
        sums = sheet.of(currency).group_by("name").agg(total("amount"))
        found = _steps(sums, top=leading, other=other, effects=effects)
        change: float = sums.select(total("amount")).item()
        facts = [*asked, f"{_signed(change, currency)} in all ({currency})"]
        _draw(
            panel,
            [*found, _Step("change in all", change)],
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
    return [f"{after} against {before}", timezone]


def _steps(sums: pl.DataFrame, *, top: int, other: str, effects: bool) -> list[_Step]:
    """Give the largest steps either way in the order drawn, the rest folded into the last."""
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


def _signed(amount: float, currency: str) -> str:
    return f"{'+' if amount > 0 else ''}{money(amount, currency)}"


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
            _signed(step.amount, currency),
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
