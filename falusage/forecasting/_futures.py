"""The future of every series, scaled so that the parts sum to the whole.

The whole of a currency is forecast as a series of its own, and the forecasts of the parts are
scaled to it, period by period. So the teams sum to the forecast of the organization, whatever the
model of each.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from falusage._suggestions import did_you_mean
from falusage.errors import QueryError, ShortHistoryWarning, warn
from falusage.forecasting._candidates import BLENDED, MODELS, Floats, Forecaster, forecasters
from falusage.forecasting._history import History
from falusage.forecasting._paths import PATHS, error_paths, guessed_paths
from falusage.forecasting._rhythms import RHYTHMS, Rhythm
from falusage.forecasting._track_record import all_forecasts, scale, track_record

LONGEST_AHEAD = 5_000
"""The longest horizon, in periods."""
_FEW_WINDOWS = 8


@dataclass(frozen=True, slots=True, eq=False)
class Future:
    """The future of one series.

    Attributes:
        model: The model that made it.
        cost: The expected cost of each period.
        paths: Paths × periods, none below zero.
        short: Why the history is too short to trust the bands, or None.
    """

    model: str
    cost: Floats
    paths: Floats
    short: str | None = None


def check_model(model: str) -> None:
    """Raise if a model is not among the candidates."""
    if model not in ("auto", *MODELS):
        known = ("auto", *MODELS)
        raise QueryError(
            f"model is {model!r}; expected one of {', '.join(known)}.{did_you_mean(model, known)}"
        )


def check_horizon(horizon: int) -> None:
    """Raise if a horizon is not a number of periods."""
    if (
        isinstance(horizon, bool)
        or not isinstance(horizon, int)
        or not 1 <= horizon <= LONGEST_AHEAD
    ):
        raise QueryError(
            f"horizon is {horizon!r}; expected a whole number of periods, 1 to {LONGEST_AHEAD:,}"
        )


def check_levels(levels: Sequence[float]) -> tuple[float, ...]:
    """Return the levels of the bands, in percent, or raise if one is invalid."""
    if isinstance(levels, str) or not isinstance(levels, int | float | Iterable):
        raise QueryError(f"levels is {levels!r}; expected percentages, as (80, 95)")
    read = (levels,) if isinstance(levels, int | float) else tuple(levels)
    for level in read:
        if isinstance(level, bool) or not isinstance(level, int | float) or not 0 < level < 100:
            raise QueryError(f"levels has {level!r}; expected percentages, as (80, 95)")
    if len(set(read)) < len(read):
        raise QueryError(f"levels is {levels!r}; name each once")
    return read


def futures(parts: History, whole: History, *, horizon: int, model: str) -> list[Future]:
    """Return the future of each part, in the order of its keys, summing to that of the whole.

    Warns:
        ShortHistoryWarning: A series is too short for its season, or for a track record.
    """
    rhythm, lengths = RHYTHMS[parts.every], parts.ahead(horizon)["length"].to_numpy()
    models = _needed(forecasters(rhythm), model)
    found = [_future(row, horizon, rhythm, models, model) for row in parts.rates]
    if parts.keys.width > 1:
        wholes = [_future(row, horizon, rhythm, models, model) for row in whole.rates]
        found = _summing(found, wholes, parts, whole)
    _warn_of_short(parts.keys, found)
    return [replace(one, cost=one.cost * lengths, paths=one.paths * lengths) for one in found]


def _needed(models: Mapping[str, Forecaster], model: str) -> Mapping[str, Forecaster]:
    """Return the models to try on the past, and the one that can forecast any series."""
    wanted = MODELS if model == "auto" else {MODELS[0], *(BLENDED if model == "blend" else [model])}
    return {name: forecaster for name, forecaster in models.items() if name in wanted}


def _future(
    rates: Floats, horizon: int, rhythm: Rhythm, models: Mapping[str, Forecaster], model: str
) -> Future:
    spent = np.flatnonzero(rates)
    if not spent.size:
        return Future(MODELS[0], np.zeros(horizon), np.zeros((PATHS, horizon)))
    history = rates[spent[0] :]  # a series begins with its first cost
    record = track_record(history, horizon=horizon, rhythm=rhythm, models=models)
    if record is None:
        chosen, errors = MODELS[0], np.ones((1, 1))
    else:
        wanted = record.chosen() if model == "auto" else model
        chosen = wanted if wanted in record.errors else MODELS[0]
        errors = record.errors[chosen]
    needed = models if chosen == "blend" else {chosen: models[chosen]}
    cost = all_forecasts(history, horizon, needed)[chosen]
    drawn = error_paths(errors, horizon=horizon) * scale(history, rhythm)
    short = None
    if len(history) < 2 * rhythm.season:
        short = f"{len(history)} periods, less than two seasons of {rhythm.season}"
    elif len(errors) < _FEW_WINDOWS:
        short = f"{len(history)} periods, which leave only {len(errors)} windows to measure errors"
    elif model not in ("auto", chosen):
        short = f"{len(history)} periods, too few for {model!r}"
    if short is not None:
        drawn = drawn + guessed_paths(paths=len(drawn)) * history.mean()
    return Future(chosen, cost, np.maximum(cost + drawn, 0.0), short)


def _summing(
    found: Sequence[Future], wholes: Sequence[Future], parts: History, whole: History
) -> list[Future]:
    """Scale the parts of each currency to its whole, period by period."""
    made = list(found)
    place = {currency: row for row, currency in enumerate(whole.keys["currency"])}
    of_part = np.array([place[currency] for currency in parts.keys["currency"]])
    for row, total in enumerate(wholes):
        members: list[int] = np.flatnonzero(of_part == row).tolist()
        said = np.stack([found[member].cost for member in members])
        spent = parts.rates[members].sum(axis=1, keepdims=True)
        shares = spent / spent.sum() if spent.sum() else np.full_like(spent, 1 / len(members))
        sums = said.sum(axis=0)
        # If no part expects any cost but the whole does, it is divided by what each has spent.
        costs = np.where(
            sums > 0, said * (total.cost / np.where(sums > 0, sums, 1)), shares * total.cost
        )
        for member, cost in zip(members, costs, strict=True):
            one = found[member]
            drawn = one.paths - one.cost
            made[member] = replace(one, cost=cost, paths=np.maximum(cost + drawn, 0.0))
    return made


def _warn_of_short(keys: pl.DataFrame, found: Sequence[Future]) -> None:
    short = [(key, one.short) for key, one in zip(keys.rows(), found, strict=True) if one.short]
    if short:
        names = ", ".join("/".join(map(str, key)) for key, _ in short[:3])
        more = f" and {len(short) - 3} more" if len(short) > 3 else ""
        warn(
            f"short history: {names}{more} has {short[0][1]}; the model is a simple one, the "
            "bands are wide, and their coverage is a guess",
            ShortHistoryWarning,
        )
