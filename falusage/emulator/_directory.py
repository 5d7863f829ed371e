"""What the account knows besides usage, made from the table that is served.

Teams and keys are those of the table, with display names made from their own. List prices are the
last ones of the table, in the units of a price list. The balance falls by what the workspace
spends, until the emulator's clock.
"""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any

import polars as pl

from falusage.columns import HOME, exact
from falusage.contract import KEYS, TEAMS, Endpoint
from falusage.emulator._wire import cursor, items

if TYPE_CHECKING:
    from falusage.emulator._app import Served
    from falusage.emulator._books import Books
    from falusage.emulator._parameters import Parameters

_OWNED = r"^(?<alias>.+) \(owner: (?<owner>.+)\)$"
"""A key in `auth_method`, with its alias and its owner."""


def teams(asked: Parameters, served: Served) -> bytes:
    """Return the teams; the one whose workspace the keys belong to is the root team."""
    books = served.books
    found = books.rows.group_by("username").agg(created_at=pl.col("bucket").min()).sort("username")
    usernames = found["username"].to_list()
    return _listed(
        TEAMS,
        found.with_columns(
            name=pl.Series([*map(_display_name, _without_prefix(usernames))], dtype=pl.String),
            is_org_root=pl.col("username") == books.workspace,
        ),
        asked,
        served,
    )


def keys(asked: Parameters, served: Served) -> bytes:
    """Return the keys that called, each with its alias and, if asked for, its creator."""
    owned = pl.col("auth_method").str.extract_groups(_OWNED).struct
    found = (
        served.books.rows.filter(pl.col("api_key_id").is_not_null())
        .group_by(key_id="api_key_id")
        .agg(
            alias=owned.field("alias").drop_nulls().first(),
            creator_nickname=owned.field("owner").drop_nulls().first(),
            created_at=pl.col("bucket").min(),
        )
        .with_columns(
            scope=pl.lit("API"), creator_email=pl.format("{}@example.com", "creator_nickname")
        )
        .sort("created_at", "key_id")
    )
    return _listed(KEYS, found, asked, served)


def prices(asked: Parameters, served: Served) -> bytes:
    """Return the list prices of endpoints; one that is not in the table has none."""
    listed = _price_list(served.books.rows.filter(pl.col("bucket") < served.clock()))
    known = frozenset(listed["endpoint_id"])
    wanted = asked.names(lambda _, name: name in known)["endpoint_id"]
    return _listed(
        asked.endpoint, listed.filter(pl.col("endpoint_id").is_in(wanted)), asked, served
    )


def balance(asked: Parameters, served: Served) -> bytes:
    """Return the account's name and, if asked for, what it has left to spend."""
    books = served.books
    account: dict[str, Any] = {"username": books.workspace}
    if asked.wants("credits"):
        spent = _spent(books).filter(pl.col("bucket") < served.clock())
        left = books.credits - float(spent.select(pl.col("cost").sum()).item())
        account["credits"] = {"current_balance": round(left, 2), "currency": HOME}
    return json.dumps(account).encode()


def usual_credits(books: Books) -> float:
    """Return a credit that lasts about a tenth longer than the table, in whole hundreds."""
    spent = float(_spent(books).select(pl.col("cost").sum()).item())
    return 100.0 * (spent * 1.1 // 100 + 1)


def _spent(books: Books) -> pl.DataFrame:
    """Return what the workspace spent, in the currency of its balance."""
    mine = books.rows.filter(pl.col("username") == books.workspace, pl.col("currency") == HOME)
    return mine.select("bucket", exact("cost"))


def _price_list(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the last price of each endpoint; the lowest, because surge is not in a price list."""
    key = ("endpoint_id", "unit", "currency")
    return (
        rows.filter(pl.col("product") == "model_apis")
        .filter(pl.col("bucket") == pl.col("bucket").max().over(key))
        .group_by(key)
        .agg(pl.col("unit_price").min())
        .with_columns(_price_unit())
        .sort(key)
    )


def _price_unit() -> pl.Expr:
    """Return the unit of a price list, which is not that of usage: `units` for `1000 tokens`."""
    unit = pl.col("unit")
    counted = unit.str.contains(r"^\d")
    return pl.when(counted).then(pl.lit("units")).otherwise(pl.format("{}s", unit)).alias("unit")


def _listed(endpoint: Endpoint, table: pl.DataFrame, asked: Parameters, served: Served) -> bytes:
    """Write a list as an answer, by pages if the endpoint has any."""
    shown = asked.asked("expand") or ()
    listed: list[str] = table.select(items(endpoint, endpoint.editions[-1], shown))[:, 0].to_list()
    envelope: dict[str, Any] = {}
    if endpoint.is_paged:
        number = asked.page_number()
        most = min(asked.asked("limit") or served.page_size, served.page_size)
        more = number * most < len(listed)
        listed = listed[(number - 1) * most : number * most]
        envelope = {"next_cursor": cursor(number + 1) if more else None, "has_more": more}
    rest = json.dumps(envelope)[1:]
    return f'{{"{endpoint.rows}":[{",".join(listed)}]{"," if envelope else ""}{rest}'.encode()


def _without_prefix(usernames: list[str]) -> list[str]:
    """Return names without the first words that all of them have.

    >>> _without_prefix(["acme-paris", "acme-ml-team"])
    ['paris', 'ml-team']
    """
    words = [name.split("-") for name in usernames]
    leading = zip(*(each[:-1] for each in words), strict=False) if len(words) > 1 else ()
    shared = len([*itertools.takewhile(lambda column: len(set(column)) == 1, leading)])
    return ["-".join(each[shared:]) for each in words]


def _display_name(username: str) -> str:
    """Return a display name.

    >>> _display_name("ml-team")
    'ML Team'
    """
    words = username.replace("_", "-").split("-")
    return " ".join(word.upper() if len(word) < 3 else word.capitalize() for word in words)
