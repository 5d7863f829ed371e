"""`sync`: bring a store up to date, as a nightly job does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from falusage.cli._commands import Command
from falusage.cli._matching import UNMATCHED, say_if_store_unmatched
from falusage.cli._options import asking, check_options, open_client, query_fields, say_let_through
from falusage.cli._results import format_option, show
from falusage.cli._stores import store_option
from falusage.cli._terminal import say

if TYPE_CHECKING:
    from falusage.store import SyncResult

_BUCKETS: Final = "day"
"""The buckets of a store by default."""


@click.command(
    cls=Command,
    short_help="Keep a store up to date.",
    examples=(
        "falusage sync --store usage-store --start 2025-05-01",
        "falusage sync --store usage-store --start 2025-05-01 --compact --format json",
    ),
    columns={
        "in json and csv": {
            "store": "text",
            "start": "instant",
            "end": "instant",
            "version": "whole number",
            "commits": "list",
            "rows_read": "whole number",
            "rows_changed": "whole number",
            "restated": "object",
            "quarantined": "whole number",
            "differing": "whole number",
            "reconciled": "flag",
            "gaps": "list",
            "requests": "whole number",
            "retries": "whole number",
            "bytes_received": "whole number",
        }
    },
)
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
@format_option
@click.pass_context
def sync(
    context: click.Context,
    *,
    place: str,
    settle: str,
    allow_empty: bool,
    compact: bool,
    form: str,
    **options: Any,
) -> None:
    """Fetch new usage into a store, and recent days again, because they may still change.

    Run it every night with the same options. It continues where the last run ended. Buckets are
    days by default.

    What was done is said on stderr. --format json or csv prints it on stdout as well: restated is
    the amount for each currency, and gaps are pairs of instants.
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
    show(_record(place, result), form, lambda: ())
    if unmatched:
        context.exit(UNMATCHED)


def _record(place: str, result: SyncResult) -> dict[str, Any]:
    receipts = result.receipts
    return {
        "store": place,
        "start": result.start,
        "end": result.end,
        "version": result.version,
        "commits": result.commits,
        "rows_read": result.rows_read,
        "rows_changed": result.rows_changed,
        "restated": result.restated,
        "quarantined": sum(each.rows_quarantined for each in receipts),
        "differing": sum(each.differing for each in receipts),
        "reconciled": all(each.reconciled for each in receipts),
        "gaps": result.gaps,
        "requests": sum(each.requests for each in receipts),
        "retries": sum(each.retries for each in receipts),
        "bytes_received": sum(each.bytes_received for each in receipts),
    }
