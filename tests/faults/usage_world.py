"""What the organization really used: a small table, and the truth about any question on it.

The fault server answers from here and the tests expect from here, so that what the client loads
is compared with a second computation that shares no code with falusage: plain Python, `zoneinfo`
for the calendar and fractions for the sums.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from falusage.columns import USAGE

PARAMETERS = frozenset(
    [
        "limit",
        "cursor",
        "start",
        "end",
        "timezone",
        "timeframe",
        "bound_to_timeframe",
        "endpoint_id",
        "team_username",
        "product",
        "api_key_id",
        "expand",
    ]
)
EXPANSIONS = frozenset({"time_series", "summary", "auth_method", "auth_method_structured"})
FILTERS = {"endpoint_id": "endpoint_id", "team_username": "username", "product": "product"}


class RefusedError(Exception):
    """A question that the API answers with 400."""


@dataclass(frozen=True)
class Row:
    """One line item, at the instant at which it was used."""

    at: datetime
    username: str = "acme-ml"
    product: str = "model_apis"
    endpoint_id: str = "fal-ai/flux/dev"
    unit: str = "image"
    quantity: float = 4.0
    unit_price: float = 0.1
    cost: float = 0.4
    currency: str = "USD"
    percent_discount: float | None = None
    cost_subtotal: float | None = None
    cost_discount: float | None = None
    edition: int = 2
    extra: tuple[tuple[str, Any], ...] = ()

    def item(self) -> dict[str, Any]:
        """Give the row as the API writes it."""
        return {
            "username": self.username,
            "product": self.product,
            "endpoint_id": self.endpoint_id,
            "unit": self.unit,
            "quantity": self.quantity,
            "unit_price": self.unit_price,
            "cost": self.cost,
            "currency": self.currency,
            **(self._discounted() if self.edition >= 4 else {}),
            **dict(self.extra),
        }

    def _discounted(self) -> dict[str, Any]:
        return {
            "percent_discount": self.percent_discount,
            "cost_subtotal": self.cost_subtotal,
            "cost_discount": self.cost_discount,
            "cost_total": self.cost,
        }


def row(at: datetime, quantity: float = 4.0, unit_price: float = 0.1, **fields: Any) -> Row:
    """Give a row whose cost is quantity × unit_price, in doubles."""
    cost = quantity * unit_price
    return Row(at, quantity=quantity, unit_price=unit_price, **{"cost": cost, **fields})


def discounted(at: datetime, quantity: float, unit_price: float, percent: float | None) -> Row:
    """Give a row of the fourth edition, with its discount, in doubles."""
    subtotal = quantity * unit_price
    cost = subtotal * (1 - (percent or 0.0) / 100)
    return Row(
        at,
        quantity=quantity,
        unit_price=unit_price,
        cost=cost,
        percent_discount=percent,
        cost_subtotal=subtotal,
        cost_discount=subtotal - cost,
        edition=4,
    )


def rows(count: int, *, start: str = "2025-01-01", days: int = 3, **fields: Any) -> list[Row]:
    """Give rows spread evenly over days, in two currencies, three products and many prices."""
    first = datetime.combine(date.fromisoformat(start), time(0), UTC)
    kinds = [
        {"product": "model_apis", "endpoint_id": "fal-ai/flux/dev", "unit": "image"},
        {"product": "serverless", "endpoint_id": "sdk: H100", "unit": "second"},
        {"product": "compute", "endpoint_id": "type: gpu_1x (my-app, production)", "unit": "hour"},
    ]
    return [
        row(
            first + timedelta(days=days) * n / count,
            quantity=1.0 + n,
            unit_price=0.1 + n % 7 / 1000,
            **{
                "username": ("acme-ml", "acme-art")[n % 2],
                "currency": "EUR" if n % 5 == 4 else "USD",
                **kinds[n % 3],
                **fields,
            },
        )
        for n in range(count)
    ]


def floor(at: datetime, timeframe: str, timezone: str) -> datetime:
    """Give the start of the bucket that an instant falls in."""
    local = at.astimezone(ZoneInfo(timezone))
    if timeframe == "minute":
        return local.replace(second=0, microsecond=0)
    if timeframe == "hour":
        return local.replace(minute=0, second=0, microsecond=0)
    day = local.date()
    if timeframe == "week":
        day -= timedelta(days=day.weekday())
    if timeframe == "month":
        day = day.replace(day=1)
    return datetime.combine(day, time(0), ZoneInfo(timezone))


def after(start: datetime, timeframe: str, timezone: str) -> datetime:
    """Give the end, exclusive, of the bucket that starts at `start`."""
    clock = {"minute": timedelta(minutes=1), "hour": timedelta(hours=1)}
    if timeframe in clock:
        return (start.astimezone(UTC) + clock[timeframe]).astimezone(ZoneInfo(timezone))
    spans = {"day": timedelta(days=1), "week": timedelta(days=7), "month": timedelta(days=32)}
    day = start.date() + spans[timeframe]
    if timeframe == "month":
        day = day.replace(day=1)
    return datetime.combine(day, time(0), ZoneInfo(timezone))


def auto_timeframe(span: timedelta) -> str:
    """Give the timeframe that the API takes when none is asked for."""
    bounds = {"minute": 2, "hour": 48, "day": 64 * 24, "week": 183 * 24}
    return next((name for name, hours in bounds.items() if span < timedelta(hours=hours)), "month")


@dataclass(frozen=True)
class Question:
    """One request's question, read from its parameters."""

    start: datetime
    end: datetime
    timezone: str = "UTC"
    timeframe: str = "day"
    only: Mapping[str, frozenset[str]] = field(default_factory=dict)
    expand: frozenset[str] = frozenset({"time_series"})
    limit: int | None = None
    page: int = 1

    @classmethod
    def read(cls, params: Mapping[str, Sequence[str]], *, most: int = 50) -> Question:
        """Read query parameters as the API does, refusing what it would refuse."""
        one = {name: values[-1] for name, values in params.items()}
        if unknown := set(one) - PARAMETERS:
            raise RefusedError(f"unknown parameters {sorted(unknown)}")
        if missing := {"start", "end"} - set(one):
            raise RefusedError(f"{sorted(missing)} not pinned")
        zone = one.get("timezone", "UTC")
        start, end = (_instant(one[name], zone) for name in ("start", "end"))
        if not start < end:
            raise RefusedError(f"start {start} is not before end {end}")
        asked = params.get("expand", ["time_series"])
        expand = frozenset(word for words in asked for word in words.split(","))
        if not expand <= EXPANSIONS or not expand & {"time_series", "summary"}:
            raise RefusedError(f"expand {sorted(expand)}")
        only = {
            column: frozenset(params[name]) for name, column in FILTERS.items() if name in params
        }
        if any(len(values) > most for values in only.values()):
            raise RefusedError(f"more than {most} ids")
        timeframe = one.get("timeframe") or auto_timeframe(end - start)
        if one.get("bound_to_timeframe", "true") == "true":
            start = floor(start, timeframe, zone)
            last = floor(end, timeframe, zone)
            end = last if last == end else after(last, timeframe, zone)
        limit = int(one["limit"]) if "limit" in one else None
        page = int(base64.b64decode(one["cursor"])) if one.get("cursor") else 1
        return cls(start, end, zone, timeframe, only, expand, limit, page)


def _instant(text: str, zone: str) -> datetime:
    if len(text) == len("2025-01-01"):
        return datetime.combine(date.fromisoformat(text), time(0), ZoneInfo(zone))
    at = datetime.fromisoformat(text)
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def chosen(table: Iterable[Row], question: Question) -> list[tuple[datetime, Row]]:
    """Give the rows that answer a question, each with its bucket, in the order of the buckets."""
    picked = [
        (floor(r.at, question.timeframe, question.timezone), r)
        for r in table
        if question.start <= r.at < question.end
        and all(getattr(r, column) in values for column, values in question.only.items())
    ]
    return sorted(picked, key=lambda pair: pair[0])


def series(picked: Iterable[tuple[datetime, Row]]) -> list[dict[str, Any]]:
    """Give rows as a `time_series`."""
    buckets: dict[datetime, list[Any]] = {}
    for bucket, r in picked:
        buckets.setdefault(bucket, []).append(r.item())
    return [
        {"bucket": bucket.isoformat(), "results": results} for bucket, results in buckets.items()
    ]


def summary(picked: Iterable[tuple[datetime, Row]]) -> list[dict[str, Any]]:
    """Give the sums of the rows over the whole range, one item per price."""
    lines: dict[tuple[Any, ...], list[Row]] = {}
    for _, r in picked:
        key = (r.username, r.product, r.endpoint_id, r.unit, r.unit_price, r.currency)
        lines.setdefault((*key, r.percent_discount), []).append(r)
    return [replace(of[0], **_summed(of), extra=()).item() for of in lines.values()]


def _summed(line: Sequence[Row]) -> dict[str, float | None]:
    sums: dict[str, float | None] = {}
    for name in ("quantity", "cost", "cost_subtotal", "cost_discount"):
        values = [getattr(r, name) for r in line]
        sums[name] = None if None in values else float(sum(map(Fraction, values)))
    return sums


def expected(table: Iterable[Row], question: Question) -> pl.DataFrame:
    """Give the usage table that a load must equal, row for row, in the known columns."""
    picked = chosen(table, question)
    return pl.DataFrame(
        [
            {
                "bucket": bucket.astimezone(UTC),
                "bucket_end": after(bucket, question.timeframe, question.timezone).astimezone(UTC),
                **{name: getattr(r, name) for name in USAGE if hasattr(r, name)},
            }
            for bucket, r in picked
        ],
        schema=USAGE,
    )
