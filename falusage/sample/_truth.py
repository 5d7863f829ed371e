"""What was planted in a sample, and where, so that a transform can be shown to find it.

The events stand at fixed fractions of the range, so that they scale with it; each begins with a
local day or, in a range too short for that, with a bucket. All else is rhythm, smooth growth and
bounded noise: day by day and team by team, there is nothing further to find.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import polars as pl

from falusage import columns
from falusage import timeframes as tf
from falusage.sample import _organization as org

_RETIREMENT: Final = 0.75
_DISCOUNT: Final = 0.775
_PRICE_RISE: Final = 0.80
_LAUNCH: Final = 0.875
_ANOMALY: Final = 0.93


@dataclass(frozen=True)
class PriceRise:
    """From `at` on, whoever calls the endpoint pays `price` instead of `previous_price`."""

    at: datetime
    endpoint_id: str
    unit: str
    currency: str
    previous_price: float
    price: float


@dataclass(frozen=True)
class DiscountChange:
    """A team has `before` percent off everything it uses, and `after` percent from `at` on."""

    at: datetime
    username: str
    currency: str
    before: float
    after: float


@dataclass(frozen=True)
class Launch:
    """A team calls a new endpoint from `at` on, a quarter as much as at the end of the range."""

    at: datetime
    username: str
    endpoint_id: str
    currency: str


@dataclass(frozen=True)
class Retirement:
    """Nobody calls the endpoint any more from `at` on; one team did."""

    at: datetime
    username: str
    endpoint_id: str
    currency: str


@dataclass(frozen=True)
class Anomaly:
    """From `start` until `end`, one key of a team calls an endpoint `factor` times as often."""

    start: datetime
    end: datetime
    username: str
    endpoint_id: str
    auth_method: str
    currency: str
    factor: float


@dataclass(frozen=True)
class Surge:
    """In the given UTC hours of the given ISO weekdays, `share` of each quantity costs more.

    That part, rounded down to what the meter counts, is billed in a row of its own, beside the
    one at `unit_price` and otherwise like it.
    """

    endpoint_id: str
    unit: str
    currency: str
    unit_price: float
    surge_price: float
    share: float
    weekdays: tuple[int, ...]
    hours: tuple[int, ...]


@dataclass(frozen=True)
class SecondCurrency:
    """The whole of a team's usage is billed in a currency that no other team has."""

    username: str
    currency: str


@dataclass(frozen=True)
class Truth:
    """What was planted in a sample.

    Attributes:
        price_rises: Every change of a list price.
        discounts: Every change of a team's discount. The other teams have none.
        launches: Every endpoint that a team begins to call within the range.
        retirements: Every endpoint that a team ceases to call within the range.
        anomalies: Every span in which a team's spend is out of its rhythm.
        surges: Every endpoint with two prices side by side; none if the range misses the hours.
        second_currencies: Every team that is not billed in USD.
    """

    price_rises: tuple[PriceRise, ...]
    discounts: tuple[DiscountChange, ...]
    launches: tuple[Launch, ...]
    retirements: tuple[Retirement, ...]
    anomalies: tuple[Anomaly, ...]
    surges: tuple[Surge, ...]
    second_currencies: tuple[SecondCurrency, ...]

    @property
    def events(self) -> pl.DataFrame:
        """What happens at an instant, in order.

        Columns: `at` (UTC instant), `event` (String), `username` (null for all teams),
        `endpoint_id` (null for all endpoints), `currency`.
        """
        rows = [
            *((e.at, "price rise", None, e.endpoint_id, e.currency) for e in self.price_rises),
            *((e.at, "discount", e.username, None, e.currency) for e in self.discounts),
            *((e.at, "launch", e.username, e.endpoint_id, e.currency) for e in self.launches),
            *(
                (e.at, "retirement", e.username, e.endpoint_id, e.currency)
                for e in self.retirements
            ),
            *((e.start, "anomaly", e.username, e.endpoint_id, e.currency) for e in self.anomalies),
        ]
        schema = {
            "at": columns.INSTANT,
            "event": pl.String,
            "username": pl.String,
            "endpoint_id": pl.String,
            "currency": pl.String,
        }
        return pl.DataFrame(rows, schema=schema, orient="row").sort("at")


def planted(start: datetime, end: datetime, *, every: str, timezone: str) -> Truth:
    """Lay the events into a range of at least two whole buckets."""

    def span(fraction: float) -> tuple[datetime, datetime]:
        moment = start + fraction * (end - start)
        grid = "1d" if tf.floor(moment, every="1d", timezone=timezone) > start else every
        since = tf.floor(moment, every=grid, timezone=timezone)
        until = min(tf.after(moment, every=grid, timezone=timezone), end)
        return since.astimezone(UTC), until.astimezone(UTC)

    currency = {team.username: team.currency for team in org.TEAMS}
    username, endpoint_id, auth_method = org.RUNAWAY
    discounted, before, after = org.DISCOUNTED
    return Truth(
        price_rises=tuple(
            PriceRise(
                at=span(_PRICE_RISE)[0],
                endpoint_id=risen,
                unit=org.PRICES[risen, money].unit,
                currency=money,
                previous_price=org.PRICES[risen, money].unit_price,
                price=price,
            )
            for (risen, money), price in org.RISEN.items()
        ),
        discounts=(
            DiscountChange(
                at=span(_DISCOUNT)[0],
                username=discounted,
                currency=currency[discounted],
                before=before,
                after=after,
            ),
        ),
        launches=(Launch(span(_LAUNCH)[0], *org.LAUNCHED, currency[org.LAUNCHED[0]]),),
        retirements=(Retirement(span(_RETIREMENT)[0], *org.RETIRED, currency[org.RETIRED[0]]),),
        anomalies=(
            Anomaly(
                *span(_ANOMALY),
                username=username,
                endpoint_id=endpoint_id,
                auth_method=auth_method,
                currency=currency[username],
                factor=org.RUNAWAY_FACTOR,
            ),
        ),
        surges=tuple(
            Surge(
                endpoint_id=surging,
                unit=org.PRICES[surging, money].unit,
                currency=money,
                unit_price=org.PRICES[surging, money].unit_price,
                surge_price=price,
                share=org.SURGE_TENTHS / 10,
                weekdays=org.SURGE_WEEKDAYS,
                hours=org.SURGE_HOURS,
            )
            for (surging, money), price in org.SURGING.items()
        ),
        second_currencies=tuple(
            SecondCurrency(name, money) for name, money in currency.items() if money != "USD"
        ),
    )
