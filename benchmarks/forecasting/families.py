"""Generated series of eight kinds, with random parameters, on real days.

`choosing` and `blind` draw from the same families with different seeds. A series is a number: the
same number is the same series on every machine. A week or a month is the sum of its days.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

KINDS: Final = (
    *("intermittent", "stepping", "spiking", "growing"),
    *("declining", "drifting", "month-end", "noisy"),
)
HORIZONS: Final = {"1d": (7, 28, 90), "1w": (1, 4, 13), "1mo": (1, 3)}
"""How many periods ahead each series is forecast."""
GROUP_AHEAD: Final = 28

_CHOOSING: Final = 19990101
_BLIND: Final = 20261201
_FIRST_DAY: Final = date(2014, 1, 1)
_FIRST_DAYS: Final = 4 * 365
_LEAST_SPENT: Final = 3
_AGAIN: Final = 99
_GROUPS_FROM: Final = 1_000_000
_TEAMS: Final = 5


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """Daily costs of one team, and where the future begins.

    Attributes:
        name: Its name, once in each set.
        kind: Its kind, or where it comes from.
        every: The period of its forecasts.
        start: The first day.
        days: The cost of each day.
        periods: The first day of each period, counted from `start`.
        known: How many periods are history.
        horizons: How many periods ahead it is forecast.
    """

    name: str
    kind: str
    every: str
    start: date
    days: Floats
    periods: NDArray[np.int64]
    known: int
    horizons: tuple[int, ...]

    @property
    def costs(self) -> Floats:
        """The cost of each period."""
        return np.add.reduceat(self.days, self.periods)

    @property
    def known_days(self) -> int:
        """How many days are history."""
        return int(self.periods[self.known])


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """Teams of one organization over the same days.

    Attributes:
        name: Its name, once in each set.
        start: The first day.
        kinds: The kind of each team.
        days: Teams × days.
        known: How many days are history.
    """

    name: str
    start: date
    kinds: tuple[str, ...]
    days: Floats
    known: int


def choosing(numbers: Iterable[int]) -> Iterator[Series]:
    """Yield series on which constants may be chosen."""
    return (_series(_CHOOSING, number) for number in numbers)


def blind(numbers: Iterable[int]) -> Iterator[Series]:
    """Yield series that are only measured."""
    return (_series(_BLIND, number) for number in numbers)


def choosing_groups(numbers: Iterable[int]) -> Iterator[Group]:
    """Yield groups of teams on which constants may be chosen."""
    return (_group(_CHOOSING, number) for number in numbers)


def blind_groups(numbers: Iterable[int]) -> Iterator[Group]:
    """Yield groups of teams that are only measured."""
    return (_group(_BLIND, number) for number in numbers)


def _series(family: int, number: int) -> Series:
    """Return a series with enough cost in its history; draw again until it has that."""
    for again in range(_AGAIN):
        drawn = _drawn(
            f"generated {number}", number, np.random.default_rng([family, number, again])
        )
        if (drawn.costs[: drawn.known] > 0).sum() >= _LEAST_SPENT:
            return drawn
    raise AssertionError(f"series {number} of {family} never spends")


def _drawn(name: str, number: int, random: np.random.Generator) -> Series:
    kind = KINDS[number % len(KINDS)]
    every = str(random.choice(["1d", "1w", "1mo"], p=[0.7, 0.15, 0.15]))
    start = _FIRST_DAY + timedelta(days=int(random.integers(0, _FIRST_DAYS)))
    if every == "1d":
        least, most = ((30, 61), (61, 201), (200, 731))[random.integers(0, 3)]
    else:
        least, most = {"1w": (16, 157), "1mo": (8, 61)}[every]
    known = int(random.integers(least, most))
    total = known + max(HORIZONS[every])
    if every == "1w":
        start -= timedelta(days=start.weekday())
    if every == "1mo":
        start = start.replace(day=1)
    edges = _edges(start, every, total)
    days = _days(kind, start, int(edges[-1]), random)
    return Series(name, kind, every, start, days, edges[:-1], known, HORIZONS[every])


def _edges(start: date, every: str, periods: int) -> NDArray[np.int64]:
    """Return where each period begins and the last one ends, in days after `start`."""
    if every != "1mo":
        return np.arange(periods + 1) * {"1d": 1, "1w": 7}[every]
    months = np.datetime64(start, "M") + np.arange(periods + 1)
    return (months.astype("datetime64[D]") - np.datetime64(start, "D")).astype(np.int64)


def _group(family: int, number: int) -> Group:
    random = np.random.default_rng([family, _GROUPS_FROM + number])
    start = _FIRST_DAY + timedelta(days=int(random.integers(0, _FIRST_DAYS)))
    known = int(random.integers(60, 401))
    kinds = tuple(map(str, random.choice(KINDS, _TEAMS, replace=False)))
    teams: list[Floats] = []
    for kind in kinds:
        days = np.zeros(0)
        while (days[:known] > 0).sum() < _LEAST_SPENT:
            days = _days(kind, start, known + GROUP_AHEAD, random)
        teams.append(days)
    return Group(f"group {number}", start, kinds, np.stack(teams), known)


def _days(kind: str, start: date, count: int, random: np.random.Generator) -> Floats:
    """Draw the costs of `count` days of one kind."""
    day = np.arange(count)
    level = 10 ** random.uniform(0, 4)
    noise = random.uniform(0.04, 0.3)
    week = _week(random)[(start.weekday() + day) % 7]
    logs = np.log(level) + _course(kind, count, random)
    if kind == "noisy":
        noise = random.uniform(0.5, 1.2)
    costs = np.exp(logs + noise * random.normal(size=count) - noise**2 / 2) * week
    if kind == "intermittent":
        amounts = level * np.exp(random.normal(0, random.uniform(0.2, 1), count))
        costs = np.where(_active(count, random), amounts, 0.0)
    elif kind == "spiking":
        spikes = random.random(count) < 1 / random.uniform(20, 200)
        costs = np.where(spikes, costs * random.uniform(3, 60, count), costs)
    elif kind == "month-end":
        left = _days_left(start, count)
        costs = np.where(left < random.integers(1, 4), costs * random.uniform(2, 8), costs)
    return np.round(costs, 6)


def _week(random: np.random.Generator) -> Floats:
    """Draw the share of each weekday: mostly with a quieter weekend, for a quarter flat."""
    strength = random.choice([0, 1, 1, 1])
    shares = np.exp(random.normal(0, 0.1 * strength, 7))
    shares[5:] *= np.exp(-random.uniform(0, 1.2) * strength)
    return shares / shares.mean()


def _course(kind: str, count: int, random: np.random.Generator) -> Floats:
    """Draw how the level moves, in logarithms."""
    day = np.arange(count)
    if kind == "growing":
        rate = np.log(random.uniform(1.3, 8)) / 365
        if random.random() < 0.7:
            return rate * day
        return np.log1p(np.expm1(rate * 365) * day / 365)
    if kind == "declining":
        return -np.log(random.uniform(1.3, 8)) / 365 * day
    if kind == "drifting":
        return np.cumsum(random.normal(0, random.uniform(0.01, 0.06), count))
    if kind == "stepping":
        return _steps(count, random)
    return np.zeros(count)


def _steps(count: int, random: np.random.Generator) -> Floats:
    """Draw at least one step up or down, by a factor of 1.3 to 10, at random days."""
    level, apart = np.zeros(count), random.uniform(60, 300)
    at = random.exponential(apart)
    if at >= count:
        at = random.uniform(0, count)
    while at < count:
        level[int(at) :] += random.choice([-1, 1]) * np.log(random.uniform(1.3, 10))
        at += random.exponential(apart)
    return level


def _active(count: int, random: np.random.Generator) -> NDArray[np.bool_]:
    """Draw on which days there is cost: independent days, or runs of them."""
    share = random.uniform(0.06, 0.5)
    if random.random() < 0.5:
        return random.random(count) < share
    stay = random.uniform(0.5, 0.9)
    begin = share * (1 - stay) / (1 - share)
    active, now = np.zeros(count, dtype=bool), random.random() < share
    for day in range(count):
        active[day] = now
        now = random.random() < (stay if now else begin)
    return active


def _days_left(start: date, count: int) -> NDArray[np.int64]:
    """Return how many days of its month are left after each day."""
    days = np.datetime64(start, "D") + np.arange(count)
    ends = (days.astype("datetime64[M]") + 1).astype("datetime64[D]")
    return (ends - days).astype(np.int64) - 1
