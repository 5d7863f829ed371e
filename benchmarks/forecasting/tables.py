"""Compact tables of what was measured, with the targets below the figures."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

import polars as pl

from .asked import CANDIDATES, LEVELS
from .families import KINDS

DAYS: Final = (7, 28, 90)
MOST_RATIO: Final = 1.0
OFF_OVERALL: Final = 3
OFF_BY_KIND: Final = 8

_RIVALS: Final = ("AutoETS", "SeasonalNaive")
_MODELS: Final = ("auto", *CANDIDATES, *_RIVALS)
_PERIODS: Final = {"1d": "days", "1w": "weeks", "1mo": "months"}

_WIDTH: Final = 11

Groups = list[tuple[str, pl.DataFrame]]


def report(rows: pl.DataFrame) -> Iterator[str]:
    """Yield the lines about one set."""
    made = rows.filter(pl.col("model").is_in([*_MODELS]))
    yield from _errors(made)
    yield from _totals(made)
    yield from _prophet(rows)
    yield from _coverage(made.filter(model="auto"))
    yield from _months(rows.filter(model="month"))
    yield from _sums(rows.filter(model="group"))
    yield "How often auto used the average, weighted by each model's record, or a model alone"
    for days in DAYS:
        chosen = made.filter(model="auto", days=days)["chosen"].value_counts(sort=True)
        yield f"  {days:>2} days: " + ", ".join(f"{name} {count}" for name, count in chosen.rows())
    yield ""


def _groups(rows: pl.DataFrame) -> Groups:
    """Split rows by kind: the generated ones, all of those, the real ones, all of those, all."""
    is_made = pl.col("kind").is_in([*KINDS])
    made, real = rows.filter(is_made), rows.filter(~is_made)
    sources = sorted(real["kind"].unique().to_list())
    found: Groups = [(kind, made.filter(kind=kind)) for kind in KINDS]
    found.append(("all generated", made))
    found += [(source, real.filter(kind=source)) for source in sources]
    found += [("all real", real)] if sources else []
    found += [("all", rows)] if sources else []
    return [(name, of_one) for name, of_one in found if of_one.height]


def _errors(rows: pl.DataFrame) -> Iterator[str]:
    for days in DAYS:
        of_days = rows.filter(days=days)
        yield f"Mean scaled error, {_ahead(days)} ahead: {of_days['name'].n_unique()} forecasts by"
        yield "auto, each model, three of them with even weights, and AutoETS and SeasonalNaive"
        yield from _models("auto /best")
        for name, of_one in _groups(of_days):
            means = _means(of_one, "error")
            values = [means[model] for model in _MODELS]
            yield _line(
                name, [*values, means["auto"] / (means[_best(means)] or float("nan"))], _WIDTH
            )
        means = _means(of_days, "error")
        ratio = means["auto"] / (means[_best(means)] or float("nan"))
        verdict = "met" if ratio <= MOST_RATIO else "missed"
        rival = min(_RIVALS, key=lambda name: means[name])
        yield f"auto / {_best(means)}, the best candidate: {ratio:.3f}; " + (
            f"target: at most {MOST_RATIO}, {verdict}"
        )
        ratio = means["auto"] / (means[rival] or float("nan"))
        yield f"auto / {rival}, the best rival: {ratio:.3f}"
        yield ""


def _ahead(days: int) -> str:
    return {
        7: "7 days or 1 week",
        28: "28 days, 4 weeks or 1 month",
        90: "90 days, 13 weeks or 3 months",
    }[days]


def _totals(rows: pl.DataFrame) -> Iterator[str]:
    yield "Mean scaled error of the total per period, and bias (above zero: forecasts too high)"
    labels = [f"{what} {days} d" for what in ("total", "bias") for days in DAYS]
    yield _line("", labels, 10)
    columns = [(c, days) for c in ("total_error", "bias") for days in DAYS]
    means = {at: _means(rows.filter(days=at[1]), at[0]) for at in columns}
    for model in _MODELS:
        yield _line(model, [means[at][model] for at in columns], 10)
    yield ""


def _prophet(rows: pl.DataFrame) -> Iterator[str]:
    names = rows.filter(model="Prophet")["name"].unique()
    if not names.len():
        return
    yield f"Mean scaled error on the {names.len()} cuts that Prophet was asked for"
    models = ("auto", *_RIVALS, "Prophet")
    seen = rows.filter(pl.col("name").is_in(names.implode()))
    yield _line("", models, 15)
    for days in DAYS:
        means = _means(seen.filter(days=days), "error")
        yield _line(f"{days} days", [means[model] for model in models], 15)
    yield ""


def _coverage(rows: pl.DataFrame) -> Iterator[str]:
    yield "Coverage of the bands in %, of periods and of totals over the horizon; the mean width of"
    yield "the bands, scaled, and the widest (mean over its horizon)"
    labels = [
        f"{level}%" + (f" {days}d" if days else "") for level in LEVELS for days in (*DAYS, 0)
    ]
    totals = [f"tot {level}%" for level in LEVELS]
    widths = [f"wide {level}%" for level in LEVELS]
    yield _line("", (*labels, *totals, *widths, "widest"), 9)
    by_period = [(word, rows.filter(every=every)) for every, word in _PERIODS.items()]
    missed: list[str] = []
    for name, of_one in _groups(rows) + [(n, r) for n, r in by_period if r.height]:
        values: list[float | None] = []
        for level in LEVELS:
            for days in (*DAYS, 0):
                of_days = of_one.filter(days=days) if days else of_one
                values.append(_percent(of_days[f"in_{level}"]))
            missed += _missed(name, level, values[-1])
        values += [_percent(of_one[f"total_{level}"]) for level in LEVELS]
        scaled = [_mean(of_one[f"width_{level}"]) for level in LEVELS]
        scaled.append(float(of_one[f"width_{LEVELS[-1]}"].max()))  # type: ignore[arg-type]
        yield _line(name, [*_rounded(values), *_rounded(scaled, 2)], 9)
    yield from _verdict(missed)
    yield ""


def _months(rows: pl.DataFrame) -> Iterator[str]:
    rows = rows.drop_nulls(f"month_{LEVELS[0]}")
    yield "Coverage of the present month's total in %, from month_outlook"
    yield _line("", ("months", *(f"{level}%" for level in LEVELS)), 9)
    for name, of_one in _groups(rows):
        held = [_percent(of_one[f"month_{level}"]) for level in LEVELS]
        yield _line(name, [of_one.height, *_rounded(held)], 9)
    yield ""


def _sums(rows: pl.DataFrame) -> Iterator[str]:
    if not rows.height:
        return
    groups = rows["name"].n_unique()
    yield f"Teams and their sum: {groups} groups of five kinds, 28 days ahead, coverage in %"
    yield _line("", ("series", *(f"{level}%" for level in LEVELS), "error", "wide 95%"), 9)
    parts, whole = rows.filter(pl.col("kind") != "the sum"), rows.filter(kind="the sum")
    tables: Groups = [(kind, parts.filter(kind=kind)) for kind in KINDS]
    missed: list[str] = []
    for name, of_one in [*tables, ("all teams", parts), ("all sums", whole)]:
        held = [_percent(of_one[f"in_{level}"]) for level in LEVELS]
        for level, share in zip(LEVELS, held, strict=True):
            missed += _missed(name, level, share)
        rest = [_mean(of_one["error"]), _mean(of_one["width_95"])]
        yield _line(name, [of_one.height, *_rounded(held), *_rounded(rest, 2)], 9)
    yield from _verdict(missed)
    off, lowest = float(rows["off"].max()), float(rows["lowest"].min())  # type: ignore[arg-type]
    yield f"the teams are off their sum by {off:.1e} of it at most; target: at most 1e-9"
    yield f"the lowest bound is {lowest:g}; target: not below zero"
    yield ""


def _missed(name: str, level: int, share: float | None) -> Iterator[str]:
    """Yield the row's name if it is judged, and too far off; a source of few series is not."""
    most = OFF_OVERALL if name.startswith("all") else OFF_BY_KIND
    is_judged = name.startswith("all") or name in (*KINDS, *_PERIODS.values())
    if is_judged and share is not None and abs(share - level) > most:
        yield f"{name} {level}%"


def _verdict(missed: Sequence[str]) -> Iterator[str]:
    yield (
        f"target: within {OFF_OVERALL} points for all, {OFF_BY_KIND} for each kind and period; "
        f"missed: {', '.join(missed) or 'none'}"
    )


def _means(rows: pl.DataFrame, column: str) -> dict[str, float]:
    return dict(rows.group_by("model").agg(pl.col(column).mean()).rows())


def _best(means: dict[str, float]) -> str:
    return min(CANDIDATES, key=lambda name: means[name])


def _mean(values: pl.Series) -> float | None:
    return values.cast(pl.Float64()).mean()  # type: ignore[return-value]


def _percent(values: pl.Series) -> float | None:
    mean = _mean(values)
    return None if mean is None else 100 * mean


def _rounded(values: Sequence[float | None], digits: int = 1) -> list[str]:
    return ["-" if value is None else f"{value:,.{digits}f}" for value in values]


def _models(last: str) -> Iterator[str]:
    """Yield the two lines of a head with all models."""
    words = [re.sub(r"_|(?<=[a-z])(?=[A-Z][a-z])", " ", name) for name in (*_MODELS, last)]
    names = [name.partition(" ") for name in words]
    yield _line("", [first for first, _, _ in names], _WIDTH)
    yield _line("", [rest for _, _, rest in names], _WIDTH)


def _line(name: str, values: Sequence[Any], width: int) -> str:
    texts = [f"{v:.3f}" if isinstance(v, float) else str(v) for v in values]
    return f"{name:<14}" + "".join(f" {text:>{width - 1}}" for text in texts).rstrip()
