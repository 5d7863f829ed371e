"""`sync`: bring a store up to date, as a nightly job does."""

from __future__ import annotations

from typing import Any, Final

import click

from falusage.cli._matching import UNMATCHED, say_if_store_unmatched
from falusage.cli._options import asking, check_options, open_client, query_fields, say_let_through
from falusage.cli._stores import store_option
from falusage.cli._terminal import say

_BUCKETS: Final = "day"
"""The buckets of a store by default."""


@click.command(short_help="Keep a store up to date.")
@store_option
@asking(
    end="now, by the earlier of the server's clock and this machine's",
    timeframe=_BUCKETS,
    but=("bound_to_timeframe",),
)
@click.option(
    "--settle",
    default="3d",
    show_default=True,
    metavar="TIME",
    help="How long buckets may still change after their end, as 36h, 3d or 2w.",
)
@click.option(
    "--allow-empty", is_flag=True, help="Accept it if days that had spend come back empty."
)
@click.option("--compact", is_flag=True, help="Merge small files afterwards.")
@click.pass_context
def sync(
    context: click.Context,
    *,
    place: str,
    settle: str,
    allow_empty: bool,
    compact: bool,
    **options: Any,
) -> None:
    """Fetch new usage into a store, and recent days again, because they may still change.

    Run it every night with the same options. It continues where the last run ended. Buckets are
    days by default.
    """
    from falusage.store import UsageStore

    if options["start"] is None:
        raise click.MissingParameter(param_type="option", param_hint="'--start'")
    store = UsageStore(place)
    with open_client(options) as client:
        result = store.sync(
            options["start"],
            end=options["end"],
            client=client,
            settle=settle,
            allow_empty=allow_empty,
            **check_options(options),
            **query_fields(options),
        )
        say_let_through(result.quarantine, options)
        unmatched = say_if_store_unmatched(client, store, result, options)
    say(str(result))
    if compact and (version := store.compact()) is not None:
        say(f"compacted: version {version}")
    if unmatched:
        context.exit(UNMATCHED)
