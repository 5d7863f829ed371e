"""How often the bands of a model held what happened, in windows that they were not drawn from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from falusage.forecasting._past import Floats
from falusage.forecasting._paths import Doubt, Errors, bounds, draw
from falusage.forecasting._track_record import TrackRecord

_PATHS: Final = 400
_LEAST: Final = 3
_ROUNDING: Final = 1e-9


def measured_coverage(
    record: TrackRecord, model: str, doubt: Doubt, levels: Sequence[float], *, seed: int
) -> dict[float, float | None]:
    """Return the share of periods within the bands of each level, or None for too short a record.

    The bands of a window are drawn from the windows that share no period with it.
    """
    origins = np.array(record.origins)
    errors = Errors(record.forecasts[model], record.actual, record.apart)
    held: dict[float, list[Floats]] = {level: [] for level in levels}
    for window, origin in enumerate(origins):
        near = np.abs(origins - origin) < record.span
        if (~near).sum() < _LEAST:
            continue
        expected, actual = errors.expected[window], errors.actual[window]
        then = replace(doubt, models=record.disagreement(window, model))
        paths = draw(expected, errors.without(near), then, seed=seed, paths=_PATHS)
        slack = _ROUNDING * max(actual.max(), expected.max())
        for level, (low, high) in bounds(paths, levels, around=expected).items():
            held[level].append((low - slack <= actual) & (actual <= high + slack))
    return {level: float(np.mean(inside)) if inside else None for level, inside in held.items()}
