"""What one would use instead: statsforecast's AutoETS and seasonal naive, and Prophet.

All with their defaults and the season of the period, where the history has two of them. They see
the same history, from its first cost on, and a forecast below zero counts as zero.
"""

from __future__ import annotations

import importlib.util
import logging
from datetime import date, timedelta
from typing import Any, Final

import numpy as np

from .families import Floats

_SEASONS: Final = {"1d": 7, "1w": 52, "1mo": 12}
_MOST_OF_ETS: Final = 24
"""The longest season that AutoETS can fit."""


def auto_ets(history: Floats, every: str, horizon: int) -> Floats:
    """Ask AutoETS, or the seasonal naive forecast where it cannot be fitted."""
    from statsforecast.models import AutoETS

    season = _season(history, every)
    model = AutoETS(season_length=season if season <= _MOST_OF_ETS else 1)
    try:
        ahead = _clean(model.forecast(y=history, h=horizon)["mean"])
    except Exception:  # noqa: BLE001 - if a fit fails for any reason, the naive one is used
        return seasonal_naive(history, every, horizon)
    return ahead if np.isfinite(ahead).all() else seasonal_naive(history, every, horizon)


def seasonal_naive(history: Floats, every: str, horizon: int) -> Floats:
    """Ask SeasonalNaive."""
    from statsforecast.models import SeasonalNaive

    model = SeasonalNaive(season_length=_season(history, every))
    return _clean(model.forecast(y=history, h=horizon)["mean"])


def has_prophet() -> bool:
    """Return whether Prophet is installed."""
    return importlib.util.find_spec("prophet") is not None


def prophet(history: Floats, start: date, horizon: int) -> Floats:
    """Ask Prophet for days after a history that began on `start`."""
    import pandas as pd
    from prophet import Prophet

    logging.disable(logging.CRITICAL)  # Prophet's and Stan's
    days = [start + timedelta(days=day) for day in range(len(history))]
    model = Prophet()
    model.fit(pd.DataFrame({"ds": pd.to_datetime([str(d) for d in days]), "y": history}), seed=0)
    ahead = model.make_future_dataframe(horizon, include_history=False)
    return _clean(model.predict(ahead)["yhat"])


def _season(history: Floats, every: str) -> int:
    return _SEASONS[every] if len(history) >= 2 * _SEASONS[every] else 1


def _clean(ahead: Any) -> Floats:
    return np.maximum(np.asarray(ahead, dtype=np.float64), 0.0)
