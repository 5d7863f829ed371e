"""Single odd periods, which are no news of the level.

A period is odd if it is far from the median of the seven periods around it, by their own spread. If
its neighbour is odd, too, both are kept: a level that steps is news from its second period on. If
more than a twentieth are odd, all are kept: such a series comes and goes.

Source: F. R. Hampel, The influence curve and its role in robust estimation, Journal of the American
Statistical Association 69 (1974), the identifier; S. Gelper, R. Fried and C. Croux, Robust
forecasting with exponential and Holt-Winters smoothing, Journal of Forecasting 29 (2010).
"""

from __future__ import annotations

from typing import Final

import numpy as np

from falusage.forecasting._past import Floats
from falusage.transforms.anomalies import MAD_TO_SIGMA

_AROUND: Final = 7
_FAR: Final = 4.0
_LEAST_SPREAD: Final = 0.15
_MOST: Final = 0.05


def without_spikes(logs: Floats) -> Floats:
    """Return logarithms with the median around it in place of each single odd period."""
    length = len(logs)
    if length < 2 * _AROUND:
        return logs
    windows = np.lib.stride_tricks.sliding_window_view(logs, _AROUND)
    places = np.clip(np.arange(length) - _AROUND // 2, 0, length - _AROUND)
    around = windows[places]
    median = np.median(around, axis=1)
    spread = MAD_TO_SIGMA * np.median(np.abs(around - median[:, None]), axis=1)
    odd = np.abs(logs - median) > _FAR * np.maximum(spread, _LEAST_SPREAD)
    if odd.mean() > _MOST:
        return logs
    beside = np.zeros(length, dtype=bool)
    beside[1:] |= odd[:-1]
    beside[:-1] |= odd[1:]
    return np.where(odd & ~beside, median, logs)
