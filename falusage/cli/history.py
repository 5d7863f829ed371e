"""`history`: the versions of a store."""

from __future__ import annotations

from collections.abc import Iterable

import click

from falusage.cli._commands import Command
from falusage.cli._results import format_option, show
from falusage.cli._stores import store_option
from falusage.cli._terminal import width


@click.command(
    cls=Command,
    short_help="List a store's versions.",
    examples=("falusage history --store usage-store",),
    columns={
        "in json and csv": {
            "version": "whole number",
            "kind": "text",
            "at": "instant",
            "start": "instant",
            "end": "instant",
            "settled_until": "instant",
            "currency": "text",
            "rows": "whole number",
            "cost": "number",
            "change": "number",
            "restated": "number",
            "quarantined": "whole number",
            "differing": "whole number",
        }
    },
)
@store_option
@format_option
def history(place: str, form: str) -> None:
    """List a store's versions: when they were made, what was read, and their cost by currency."""
    from falusage.reporting.columns import amounts, minutes, names, numbers
    from falusage.reporting.layout import lay_out
    from falusage.store import UsageStore

    store = UsageStore(place)
    found = store.history()

    def table() -> Iterable[str]:
        timezone = store.timezone
        columns = [
            numbers(found, "version"),
            names(found, "kind", optional=True),
            minutes(found, "at", timezone),
            minutes(found, "start", timezone, "from", optional=True),
            minutes(found, "end", timezone, "to", optional=True),
            numbers(found, "rows"),
            amounts(found, "cost"),
            amounts(found, "change", signed=True),
            amounts(found, "restated", signed=True),
            *(numbers(found, name) for name in ("quarantined", "differing") if found[name].sum()),
        ]
        return lay_out(columns, width=width())

    show(found, form, table)
