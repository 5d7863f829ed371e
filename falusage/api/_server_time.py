"""The present by the server's clock, which decides where a range without an end ends."""

from __future__ import annotations

from datetime import datetime

from falusage.api._http.exchange import Exchange
from falusage.api.asks import asks
from falusage.api.query import UsageQuery
from falusage.contract import Scope


def server_time(exchange: Exchange, scope: Scope) -> datetime | None:
    """Return the Date of a small answer, or None if it has none."""
    # A fixed hour, because this machine's clock may be wrong.
    hour = UsageQuery("2025-01-01T00:00:00Z", "2025-01-01T01:00:00Z", timeframe="hour", scope=scope)
    ask = next(asks(hour, time_series=False, summary=True))
    exchange.get(ask.endpoint, ask.params(), len, window=ask.window)
    return exchange.tally.server_time
