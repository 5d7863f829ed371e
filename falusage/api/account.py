"""What an account knows besides its usage: its teams, keys, list prices and balance.

Each function reads one endpoint to its end, or raises. They are small, so they are read one page
after the other and checked as line items are: what is missing or broken is an error, and what is
new is kept with a warning.
"""

from __future__ import annotations

import re
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

import polars as pl

from falusage import _clocks as clocks
from falusage.api._http.exchange import Exchange
from falusage.api._pages.answers import Answer, Expected
from falusage.api._pages.cursors import follow
from falusage.api._pages.documents import parse, take
from falusage.api._pages.page import check_filters, read_answer
from falusage.api.arguments import names
from falusage.api.asks import chunks
from falusage.api.balance import Balance
from falusage.api.client import UsageClient
from falusage.api.line_items import LineItems, concat, warn_of_unknown
from falusage.columns import ABSURD
from falusage.contract import BALANCE, KEYS, PRICES, TEAMS, Endpoint, Names
from falusage.contract.dtypes import INSTANT
from falusage.errors import (
    ApiError,
    FalUsageWarning,
    ProtocolError,
    QueryError,
    SchemaError,
    UnmatchedWarning,
    warn,
)
from falusage.schema.rules import Rows
from falusage.schema.validation import require_valid, validate_received

Filters = tuple[tuple[str, tuple[str, ...]], ...]

_SHOWN: Final = 3


def load_teams(*, client: UsageClient | None = None) -> pl.DataFrame:
    """Load the teams of an organization, with their display names.

    Args:
        client: The client to ask with, whose key must be of the organization's root team; by
            default one from the environment.

    Returns:
        `username` (String, as in usage), `name` (String, the display name; null without one),
        `is_org_root` (Boolean), `created_at` (Datetime in UTC; null if it is not known), then any
        columns that are new. One row per team, in the API's order.

    Raises:
        SchemaError: A row breaks the rules; it is in `failures`.
        ApiError: The exchange failed; a `PermissionDeniedError` if the key may not read it.

    Example:
        >>> import falusage as fu
        >>> with fu.Emulator() as emulator, fu.UsageClient(
        ...     emulator.api_key, base_url=emulator.base_url
        ... ) as client:
        ...     teams = fu.load_teams(client=client)
        >>> teams.filter("is_org_root")["username"].to_list()
        ['acme-app-prod']
    """
    return _once(_load(TEAMS, client), "username")


def load_keys(*, client: UsageClient | None = None) -> pl.DataFrame:
    """Load the account's keys of the scope API, to show their names instead of their ids.

    The keys themselves are never sent. Keys of another scope are not listed, so an `api_key_id`
    of usage may be missing here.

    Args:
        client: The client to ask with; by default one from the environment.

    Returns:
        `key_id` (String, as `api_key_id` in usage), `alias` (String, its name), `scope` (String),
        `created_at` (Datetime in UTC), `creator_nickname`, `creator_email` (String), then any
        columns that are new. All but `key_id` may be null. One row per key, in the API's order.

    Raises:
        SchemaError: A row breaks the rules; it is in `failures`.
        ApiError: The exchange failed; a `PermissionDeniedError` if the key may not read it.
    """
    return _once(_load(KEYS, client, expand=("creator_info",)), "key_id")


def load_prices(endpoint_id: Names, *, client: UsageClient | None = None) -> pl.DataFrame:
    """Load the list prices of endpoints.

    Never join them to usage by `unit`, and do not multiply them by its `quantity`: the price list
    counts in other units than usage. It says `units` where usage says `1000 tokens`, and its
    second may be a second of 480p: five of them are billed as eight. What you pay is in the
    usage itself, as `unit_price` and `percent_discount`.

    Args:
        endpoint_id: One endpoint or several. More than 50 become several requests.
        client: The client to ask with; by default one from the environment.

    Returns:
        `endpoint_id` (String), `unit_price` (Float64, the list price of one unit), `unit` (String,
        of the price list), `currency` (String), then any columns that are new. An endpoint
        without a list price has no row.

    Warns:
        UnmatchedWarning: Endpoints have no list price; the message names them.

    Raises:
        QueryError: No endpoint is named, or a name is empty.
        SchemaError: A row breaks the rules; it is in `failures`.
        ApiError: The exchange failed, or a price came that was not asked for.
    """
    asked = names("endpoint_id", endpoint_id, PRICES.asked["endpoint_id"])
    if not asked:
        raise QueryError("endpoint_id is empty; expected one endpoint or several")
    prices = _load(PRICES, client, filters={"endpoint_id": asked})
    known = set(prices["endpoint_id"])
    if lacking := [name for name in asked if name not in known]:
        more = f" and {len(lacking) - _SHOWN} more" if len(lacking) > _SHOWN else ""
        warn(
            f"{len(lacking)} of {len(asked)} endpoints have no list price: "
            f"{', '.join(map(repr, lacking[:_SHOWN]))}{more}; apps and machines "
            "have none, and names must match exactly",
            UnmatchedWarning,
        )
    return prices


def load_balance(*, client: UsageClient | None = None) -> Balance:
    """Load what the account has left to spend.

    The provider shows it late, and accounts that pay by invoice have no credits to show.

    Args:
        client: The client to ask with, whose key must be allowed to read billing; by default one
            from the environment.

    Returns:
        A `Balance`: `username`, `current_balance` (may be negative), `currency` and `read_at`.

    Raises:
        ApiError: The account shows no credits, or the exchange failed; a `PermissionDeniedError`
            if the key may not read billing.

    Example:
        >>> import falusage as fu
        >>> with fu.Emulator() as emulator, fu.UsageClient(
        ...     emulator.api_key, base_url=emulator.base_url
        ... ) as client:
        ...     balance = fu.load_balance(client=client)
        >>> balance.currency
        'USD'
    """
    with _opened(client) as exchange:
        username, credits_ = exchange.get(BALANCE, [("expand", "credits")], _read_billing)
        read_at = exchange.tally.server_time or clocks.local_time()
    if credits_ is None:
        raise ApiError(
            f"the account {username!r} shows no credits; an account that pays by invoice has "
            f"none ({BALANCE.path})",
            status=200,
        )
    amount, currency = credits_
    return Balance(
        username=username,
        current_balance=amount,
        currency=currency,
        read_at=read_at.astimezone(UTC),
    )


@contextmanager
def _opened(client: UsageClient | None) -> Generator[Exchange]:
    """Open an exchange of the client, or of one from the environment; compare clocks at its end."""
    if client is None:
        with UsageClient() as own, _opened(own) as exchange:
            yield exchange
        return
    exchange = client.exchange()
    yield exchange
    clocks.report(exchange.tally.skew, on_this_machine=exchange.on_this_machine)


def _load(
    endpoint: Endpoint,
    client: UsageClient | None,
    *,
    expand: tuple[str, ...] = (),
    filters: dict[str, tuple[str, ...]] | None = None,
) -> pl.DataFrame:
    """Return all items of an endpoint as a table, checked, with a warning of unknown fields."""
    expected = Expected(endpoint, expand)
    parts: list[LineItems] = []
    ignored: set[str] = set()
    with _opened(client) as exchange:
        for chunk in chunks(filters or {}, endpoint):
            fetch = partial(_page, exchange, expected, chunk)
            for answer in follow(fetch, where=endpoint.path):
                assert answer.rows is not None  # noqa: S101 (`expected` asks for rows)
                check_filters(answer.rows.table, expected, chunk)
                parts.append(answer.rows)
                ignored.update(answer.ignored)
    sent = {field.name: field.sent_dtype for field in endpoint.fields}
    found = concat(parts, sent)
    warn_of_unknown(found.kinds, ignored)
    what = endpoint.rows or "rows"
    checked = validate_received(_with_instants(found.table, endpoint, what), Rows(what, endpoint))
    require_valid(checked.bad, what=f"{found.table.height:,} {what}")
    return checked.good


def _page(exchange: Exchange, expected: Expected, chunk: Filters, cursor: str | None) -> Answer:
    params = [
        *(("expand", name) for name in expected.expand),
        *((name, value) for name, values in chunk for value in values),
        *([] if cursor is None else [("cursor", cursor)]),
    ]
    read = partial(read_answer, expected=expected, kinds={})
    return exchange.get(expected.endpoint, params, read, cursor=cursor)


def _with_instants(table: pl.DataFrame, endpoint: Endpoint, what: str) -> pl.DataFrame:
    """Return a table whose instants, which are sent as text, are instants in UTC.

    Raises:
        SchemaError: One is no ISO 8601 instant with a UTC offset.
    """
    for field in endpoint.fields:
        if field.dtype == INSTANT:
            moments = [_instant(text) for text in table[field.name]]
            read = pl.Series(field.name, moments, INSTANT)
            if (bad := table.filter(read.is_null() & table[field.name].is_not_null())).height:
                raise SchemaError(
                    f"{field.name} of {bad.height:,} of the {table.height:,} {what} is not an ISO "
                    f"8601 instant with a UTC offset: {bad[field.name][0]!r}",
                    failures=bad,
                )
            table = table.with_columns(read)
    return table


def _instant(text: str | None) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return None if moment.tzinfo is None else moment.astimezone(UTC)


def _once(table: pl.DataFrame, name: str) -> pl.DataFrame:
    """Return a table in which each name is once, so that a join with it repeats no cost.

    Raises:
        ProtocolError: A name has two rows that differ.
    """
    found = table.unique(maintain_order=True)
    if (twice := found.filter(pl.col(name).is_duplicated())).height:
        raise ProtocolError(f"{name} {twice[name][0]!r} came twice, and differently; try again")
    if repeated := table.height - found.height:
        warn(
            f"{repeated:,} rows came twice, because pages shifted while they were read, and are "
            "kept once",
            FalUsageWarning,
        )
    return found


def _read_billing(body: bytes) -> tuple[str, tuple[float, str] | None]:
    """Return the account's name and, if they are shown, its balance and currency."""
    answer = parse(body)
    username: str = take(answer, "username", str, "a string")
    if answer.get("credits") is None:
        return username, None
    shown: dict[str, Any] = take(answer, "credits", dict, "an object")
    amount: Any = take(shown, "current_balance", (int, float), "a number", "credits")
    currency: str = take(shown, "currency", str, "a string", "credits")
    if type(amount) is bool or abs(amount) >= ABSURD:
        raise ProtocolError(f"current_balance is {amount!r}; expected a number below {ABSURD:g}")
    if not re.fullmatch("[A-Z]{3}", currency):
        raise ProtocolError(f"currency is {currency[:80]!r}; expected three capital letters")
    return username, (float(amount), currency)
