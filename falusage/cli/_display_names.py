"""The display names of teams and keys, fetched for a report if the key may read them."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import click

from falusage.cli._terminal import say

if TYPE_CHECKING:
    import polars as pl

    from falusage._usage.table import Eager, Lazy

_TIMEOUT: Final = 10.0

names_option: Final = click.option(
    "--names/--no-names",
    "names",
    default=None,
    help="Show the display names of teams and keys before their ids, if the key may read them. "
    "[default: names, but no-names with --snapshot or --store, which then ask the API for nothing]",
)


def fetch_names(
    usage: Lazy | Eager, options: Mapping[str, Any], *, wanted: bool | None, saved: bool
) -> dict[str, pl.DataFrame]:
    """Return the arguments `teams` and `keys` of a report, as far as they can be fetched.

    A report without names is whole, so no failure breaks it, and each request is sent once. A
    failure is told only if names were asked for. Keys are fetched only if the usage has some.

    Args:
        usage: The usage that is reported.
        options: The options of the command.
        wanted: Whether names were asked for; None without an option.
        saved: Whether the usage is from a file or a store.
    """
    if wanted is False or (wanted is None and saved):
        return {}
    from falusage._usage.table import take
    from falusage.api.account import load_keys, load_teams
    from falusage.api.client import UsageClient
    from falusage.errors import FalUsageError

    table = take(usage)
    found: dict[str, pl.DataFrame] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with UsageClient(
                base_url=options["base_url"], timeout=_TIMEOUT, max_attempts=1
            ) as client:
                if table.coverage is None or table.coverage.scope != "workspace":
                    found["teams"] = load_teams(client=client)
                if "api_key_id" in table.schema and _any(table.rows, "api_key_id"):
                    found["keys"] = load_keys(client=client)
        except FalUsageError as error:
            if wanted:
                say(f"names are missing: {error}")
    return found


def _any(rows: pl.LazyFrame, column: str) -> bool:
    import polars as pl

    return bool(rows.select(pl.col(column).count() > 0).collect().item())
