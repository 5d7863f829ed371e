"""`focus`: usage as a FOCUS file, from the API or from a snapshot."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import click

from falusage.cli._commands import Command
from falusage.cli._matching import UNMATCHED, say_if_unmatched
from falusage.cli._options import asking, load_with, make_query, open_client
from falusage.cli._paths import OutFile
from falusage.cli._results import format_option, show
from falusage.cli._saved import open_saved, saved_options
from falusage.cli._suggesting import OneOf
from falusage.cli._terminal import say


@click.command(
    cls=Command,
    short_help="Write usage as a FOCUS file.",
    examples=(
        "falusage focus --snapshot usage.parquet --billing-account-id acct-1 "
        "--billing-account-name Acme --out focus.csv",
    ),
    columns={
        "in json and csv": {"path": "text", "focus_version": "text", "charges": "whole number"}
    },
)
@asking(timeframe="the API's rule for the range, or the buckets of --snapshot or --store")
@saved_options
@click.option(
    "--billing-account-id",
    required=True,
    metavar="ID",
    help="The id of the account that is billed.",
)
@click.option(
    "--billing-account-name",
    required=True,
    metavar="NAME",
    help="The name of the account that is billed.",
)
@click.option(
    "--focus-version",
    type=OneOf(["1.2", "1.4"]),
    default="1.2",
    show_default=True,
    help="The specification's version.",
)
@click.option(
    "--out",
    type=OutFile(".parquet", ".csv"),
    required=True,
    help="The .parquet or .csv file to write.",
)
@format_option
@click.pass_context
def focus(
    context: click.Context,
    *,
    path: Path | None,
    store: str | None,
    billing_account_id: str,
    billing_account_name: str,
    focus_version: Literal["1.2", "1.4"],
    out: Path,
    form: str,
    **options: Any,
) -> None:
    """Write usage as FOCUS, the FinOps Open Cost and Usage Specification, in CSV or Parquet.

    A charge period is a bucket. With --snapshot or --store it is the --timeframe, which may be
    longer. FOCUS has it in UTC. What was written is said on stderr; --format json or csv prints
    it on stdout as well.
    """
    from falusage._files import replacing
    from falusage.focus import check_arguments, to_focus_in_parts, write_focus

    asked = options["timeframe"] or "day"
    check_arguments(billing_account_id, billing_account_name, asked, focus_version)
    unmatched = False
    usage = open_saved(context, path, store, options, but=("timeframe",))
    timeframe = options["timeframe"]
    if usage is None:
        with open_client(options) as client:
            usage = load_with(client, make_query(options, client), options)
            unmatched = say_if_unmatched(client, usage.receipt)
        say(str(usage.receipt))
        timeframe = None  # that of the load
    elif timeframe is None and usage.coverage.timeframe is None:
        raise click.UsageError(f"the timeframe of {path} is not known; add --timeframe")
    parts = to_focus_in_parts(
        usage,
        billing_account_id=billing_account_id,
        billing_account_name=billing_account_name,
        timeframe=timeframe,
        version=focus_version,
    )
    with replacing(out) as file:
        count = write_focus(parts, file, as_csv=out.suffix == ".csv")
    say(f"{count:,} charges written to {out}")
    record = {"path": str(out), "focus_version": focus_version, "charges": count}
    show(record, form, lambda: ())
    if unmatched:
        context.exit(UNMATCHED)
