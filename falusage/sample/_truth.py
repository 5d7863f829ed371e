"""The events of the history, so that tests can show that transforms find them.

Each has a date, the same for every range and seed. The rest is a regular week, smooth growth and
bounded noise; no day of a team has anything else to find.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import polars as pl

from falusage import columns
from falusage.sample import _organization as org

_RETIREMENT: Final = datetime(2025, 5, 11, tzinfo=UTC)
_DISCOUNT: Final = datetime(2025, 5, 15, tzinfo=UTC)
_PRICE_RISE: Final = datetime(2025, 5, 20, tzinfo=UTC)
_LAUNCH: Final = datetime(2025, 6, 2, tzinfo=UTC)
_ANOMALY: Final = datetime(2025, 6, 11, tzinfo=UTC)
ADOPTED: Final = datetime(2025, 6, 24, tzinfo=UTC)
"""When usage of the launched endpoint stops growing faster than its team."""


@dataclass(frozen=True)
class PriceRise:
    """From `at` on, the endpoint costs `price` instead of `previous_price`."""

    at: datetime
    endpoint_id: str
    unit: str
    currency: str
    previous_price: float
    price: float


@dataclass(frozen=True)
class DiscountChange:
    """A team has a discount of `before` percent, and of `after` percent from `at` on."""

    at: datetime
    username: str
    currency: str
    before: float
    after: float


@dataclass(frozen=True)
class Launch:
    """A team calls a new endpoint from `at` on; usage grows to four times that in three weeks."""

    at: datetime
    username: str
    endpoint_id: str
    currency: str


@dataclass(frozen=True)
class Retirement:
    """The only team that called the endpoint stops at `at`."""

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

    That part is rounded down to whole parts of the unit. It has its own row, which equals the row
    at `unit_price` in everything else.
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
    """A team is billed in a currency that no other team has."""

    username: str
    currency: str


@dataclass(frozen=True)
class Truth:
    """The events that are planted in a sample, as far as its range shows them.

    An event at an instant is in it if the instant is inside the range, with time before and after
    it. A range without events has an empty truth.

    Attributes:
        price_rises: Every change of a list price within the range.
        discounts: Every change of a team's discount within the range. The other teams have none.
        launches: Every endpoint that a team starts to call within the range.
        retirements: Every endpoint that a team stops calling within the range.
        anomalies: Every span in which a team's spend is unusual, if a part of it is in the range.
        surges: Every endpoint with two prices side by side; none if the range misses the hours.
        second_currencies: Every team in the table that is not billed in USD.
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
        """The events that happen at an instant, in order.

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


def seen(start: datetime, end: datetime) -> Truth:
    """Return what happens in a range; whether a table has its surges and currencies is not known.

    An event at the very start or end changes nothing within the range.
    """
    return Truth(
        price_rises=tuple(e for e in HISTORY.price_rises if start < e.at < end),
        discounts=tuple(e for e in HISTORY.discounts if start < e.at < end),
        launches=tuple(e for e in HISTORY.launches if start < e.at < end),
        retirements=tuple(e for e in HISTORY.retirements if start < e.at < end),
        anomalies=tuple(e for e in HISTORY.anomalies if start < e.end and e.start < end),
        surges=HISTORY.surges,
        second_currencies=HISTORY.second_currencies,
    )


def _history() -> Truth:
    currency = {team.username: team.currency for team in org.TEAMS}
    username, endpoint_id, auth_method = org.RUNAWAY
    discounted, before, after = org.DISCOUNTED
    return Truth(
        price_rises=tuple(
            PriceRise(
                at=_PRICE_RISE,
                endpoint_id=risen,
                unit=org.PRICES[risen, money].unit,
                currency=money,
                previous_price=org.PRICES[risen, money].unit_price,
                price=price,
            )
            for (risen, money), price in org.RISEN.items()
        ),
        discounts=(DiscountChange(_DISCOUNT, discounted, currency[discounted], before, after),),
        launches=(Launch(_LAUNCH, *org.LAUNCHED, currency[org.LAUNCHED[0]]),),
        retirements=(Retirement(_RETIREMENT, *org.RETIRED, currency[org.RETIRED[0]]),),
        anomalies=(
            Anomaly(
                start=_ANOMALY,
                end=_ANOMALY + timedelta(days=1),
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


HISTORY: Final = _history()
"""All of it, for all time."""
