"""The future of every series, so that the parts sum to the whole.

The whole of a currency is forecast as a series of its own, and the forecasts of the parts are
scaled to it, period by period. So the teams sum to the forecast of the organization, whatever the
model of each.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from falusage._suggestions import did_you_mean
from falusage.api.progress import Progress
from falusage.errors import QueryError, ShortHistoryWarning, warn
from falusage.forecasting._candidates import (
    AVERAGED,
    MODELS,
    Forecaster,
    all_forecasts,
    forecasters,
)
from falusage.forecasting._history import History
from falusage.forecasting._measured import measured_coverage
from falusage.forecasting._past import Floats
from falusage.forecasting._paths import PATHS, Doubt, Errors, draw
from falusage.forecasting._rhythms import RHYTHMS, Rhythm
from falusage.forecasting._scaling import Scale, scaled
from falusage.forecasting._track_record import TrackRecord, disagreement, track_record, weighted

LONGEST_AHEAD = 5_000
"""The longest horizon, in periods."""
_MANY = 50
"""From so many series on, progress is shown."""
_FEW_WINDOWS = 8
_GUESS = 0.5
"""The least relative error of the level of a history that is too short to show one, times the root
of its length."""

_ALONE = Errors(np.ones((1, 1)), np.ones((1, 1)), apart=1)


@dataclass(frozen=True, slots=True, eq=False)
class Future:
    """The future of one series.

    Attributes:
        model: The model that made it.
        rate: The expected cost of each period, if it had the usual length.
        errors: The errors of the model; None for a series that never cost anything.
        record: The track record; None for a series without one.
        doubt: What the record does not show; None for a series that never cost anything.
        seed: That of the draws of this series.
        short: Why the history is too short to trust the bands, or None.
        scale: How its paths are scaled to those of the whole; None if it is one.
        lengths: The length of each period; the usual is 1.
    """

    model: str
    rate: Floats
    errors: Errors | None = None
    record: TrackRecord | None = None
    doubt: Doubt | None = None
    seed: int = 0
    short: str | None = None
    scale: Scale | None = None
    lengths: Floats | None = None

    @property
    def cost(self) -> Floats:
        """The expected cost of each period."""
        return self.rate if self.lengths is None else self.rate * self.lengths

    @property
    def is_guess(self) -> bool:
        """Whether the history is too short to trust the bands."""
        return self.short is not None

    @property
    def paths(self) -> Floats:
        """Paths × periods, none below zero.

        They are drawn each time, and are the same each time: those of all series of a large
        organization would not fit into memory.
        """
        if self.errors is None or self.doubt is None:
            found = np.zeros((PATHS, len(self.rate)))
        else:
            found = draw(self.rate, self.errors, self.doubt, seed=self.seed)
        if self.scale is not None:
            found = self.scale.of(found)
        return found if self.lengths is None else found * self.lengths

    def coverage(self, levels: Sequence[float]) -> dict[float, float | None]:
        """Return the share of past periods within the bands of each level, as measured."""
        if self.record is None or self.doubt is None:
            return dict.fromkeys(levels)
        return measured_coverage(self.record, self.model, self.doubt, levels, seed=self.seed)


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
    found = _each(parts, horizon, rhythm, models, model)
    if parts.keys.width > 1:
        found = _summing(found, _each(whole, horizon, rhythm, models, model), parts, whole)
    _warn_of_short(parts.keys, found)
    return [replace(one, lengths=lengths) for one in found]


def seed_of(key: Sequence[object]) -> int:
    """Return the seed of a series, which is the same beside whatever others."""
    return zlib.crc32(repr(tuple(key)).encode())


def _needed(models: Mapping[str, Forecaster], model: str) -> Mapping[str, Forecaster]:
    """Return the models to try on the past, and the one that can forecast any series."""
    wanted = AVERAGED if model in ("auto", "average") else ("level", model)
    return {name: forecaster for name, forecaster in models.items() if name in wanted}


def _each(
    history: History, horizon: int, rhythm: Rhythm, models: Mapping[str, Forecaster], model: str
) -> list[Future]:
    found: list[Future] = []
    series = history.keys.height
    progress = Progress(shown=series >= _MANY, total=series, title="forecast", unit="series")
    try:
        for rates, key in zip(history.rates, history.keys.rows(), strict=True):
            seed = seed_of(key)
            found.append(_future(rates, horizon, rhythm, models, model, seed=seed))
            progress.advance(1)
    finally:
        progress.close()
    return found


def _future(
    rates: Floats,
    horizon: int,
    rhythm: Rhythm,
    models: Mapping[str, Forecaster],
    model: str,
    *,
    seed: int,
) -> Future:
    spent = np.flatnonzero(rates)
    if not spent.size:
        return Future(MODELS[0], np.zeros(horizon))
    history = rates[spent[0] :]  # a series begins with its first cost
    record = track_record(history, horizon=horizon, rhythm=rhythm, models=models)
    chosen, errors, weights = "level", _ALONE, {"level": 1.0}
    if record is not None:
        wanted = record.chosen if model == "auto" else model
        chosen = wanted if wanted in record.forecasts else "level"
        errors = Errors(record.forecasts[chosen], record.actual, record.apart)
        weights = record.weights if chosen == "average" else {chosen: 1.0}
    short = None
    if len(history) < 2 * rhythm.season:
        short = f"{len(history)} periods, less than two seasons of {rhythm.season}"
    elif len(errors.actual) < _FEW_WINDOWS:
        few = len(errors.actual)
        short = f"{len(history)} periods, which leave only {few} windows to measure errors"
    elif model not in ("auto", chosen):
        short = f"{len(history)} periods, too few for {model!r}"
    needed = {name: models[name] for name in weights}
    ahead = all_forecasts(history, horizon, rhythm, needed)
    apart = disagreement(ahead, weights) if chosen == "average" else None
    doubt = Doubt.from_history(
        history, rhythm, least=_GUESS / len(history) ** 0.5 if short else 0.0
    )
    return Future(
        model=chosen,
        rate=weighted(ahead, weights),
        errors=errors,
        record=record,
        doubt=replace(doubt, models=apart),
        seed=seed,
        short=short,
    )


def _summing(
    found: Sequence[Future], wholes: Sequence[Future], parts: History, whole: History
) -> list[Future]:
    """Scale the parts of each currency to its whole, period by period, and path by path.

    If no part expects any cost but the whole does, it is divided by what each has spent.
    """
    made = list(found)
    place = {currency: row for row, currency in enumerate(whole.keys["currency"])}
    of_part = np.array([place[currency] for currency in parts.keys["currency"]])
    for row, total in enumerate(wholes):
        members: list[int] = np.flatnonzero(of_part == row).tolist()
        spent = parts.rates[members].sum(axis=1)
        shares = spent / spent.sum() if spent.sum() else np.full_like(spent, 1 / len(members))
        rates = scaled([found[member].rate for member in members], total.rate, shares)
        alone = [replace(found[m], rate=rate) for m, rate in zip(members, rates, strict=True)]
        scale = Scale.between(total.paths, alone)
        for member, one, share in zip(members, alone, shares, strict=True):
            made[member] = replace(one, scale=scale.for_part(one, float(share)))
    return made


def _warn_of_short(keys: pl.DataFrame, found: Sequence[Future]) -> None:
    short = [(key, one.short) for key, one in zip(keys.rows(), found, strict=True) if one.short]
    if short:
        names = ", ".join("/".join(map(str, key)) for key, _ in short[:3])
        more = f" and {len(short) - 3} more" if len(short) > 3 else ""
        warn(
            f"short history: {names}{more} has {short[0][1]}; the coverage of the bands is a guess",
            ShortHistoryWarning,
        )
