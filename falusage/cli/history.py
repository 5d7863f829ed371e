"""`history`: the versions of a store."""

from __future__ import annotations

import click

from falusage.cli._options import format_option
from falusage.cli._stores import print_frame, store_option


@click.command(short_help="List a store's versions.")
@store_option
@format_option()
def history(place: str, form: str) -> None:
    """List a store's versions: when they were made, what was read, and their cost by currency."""
    from falusage.reporting.columns import Column, amounts, minutes, names, numbers
    from falusage.store import UsageStore

    store = UsageStore(place)
    found = store.history()

    def columns(timezone: str) -> list[Column]:
        return [
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

    print_frame(store, found, form, columns)
