"""`report`: who spent what, in text, from the API or from a snapshot."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click

from falusage.cli.options import FILE, asking, client_of, query_of
from falusage.cli.terminal import put, width


@click.command(short_help="Print who spent what.")
@asking
@click.option(
    "--snapshot", "path", type=FILE, help="Report on this Parquet snapshot, checked, not the API."
)
@click.pass_context
def report(context: click.Context, path: Path | None, **options: Any) -> None:
    """Print who spent what: by team, product and endpoint, and against the month before.

    Without --start, the range is this month so far and the month before, by day.
    """
    from falusage.reporting import Certainty, summary

    if path is not None:
        given = click.core.ParameterSource.COMMANDLINE
        if extra := [name for name in options if context.get_parameter_source(name) == given]:
            raise click.UsageError(
                f"--snapshot is read as it is; it takes no --{extra[0].replace('_', '-')}"
            )
        usage, certainty = _read(path)
    else:
        if options["start"] is None:
            options |= _two_months(options)
        with client_of(options) as client:
            loaded = client.load(query_of(options))
        usage, certainty = loaded.usage, Certainty.of_receipt(loaded.receipt)
    put(summary(usage, certainty, width=width()).splitlines())


def _two_months(options: dict[str, Any]) -> dict[str, Any]:
    """Give the range from the month before that of the last whole day, by day."""
    from falusage.timeframes import floor, instant

    timezone = options["timezone"]
    end = instant(options["end"] or datetime.now(UTC), timezone=timezone, name="end")
    start, tick = floor(end, every="1d", timezone=timezone), timedelta(microseconds=1)
    for _ in range(2):
        start = floor(start - tick, every="1mo", timezone=timezone)
    return {"start": start, "end": end, "timeframe": options["timeframe"] or "day"}


def _read(path: Path) -> tuple[Any, Any]:
    from falusage.reporting import Certainty
    from falusage.storage import read_snapshot, snapshot_metadata

    usage = read_snapshot(path)
    receipt = snapshot_metadata(path).receipt
    return usage, Certainty.of_table(usage) if receipt is None else Certainty.of_receipt(receipt)
