"""`settling`: how much of its final cost a day had at which age, in a store."""

from __future__ import annotations

import click

from falusage.cli._options import format_option
from falusage.cli._stores import print_frame, store_option


@click.command(short_help="Show how soon a store's costs are final.")
@store_option
@format_option()
def settling(place: str, form: str) -> None:
    """Show how much of its final cost a day (or longer bucket) had at which age, in days.

    Only those that are settled by now count, at each read but the last.
    """
    from falusage.reporting.columns import Column, amounts, names, numbers, percents
    from falusage.store import UsageStore

    store = UsageStore(place)
    found = store.settling()

    def columns(_timezone: str) -> list[Column]:
        return [
            numbers(found, "age"),
            names(found, "currency"),
            numbers(found, "windows"),
            amounts(found, "cost"),
            amounts(found, "final"),
            percents(found, "known"),
            percents(found, "lo_80", "80% from"),
            percents(found, "hi_80", "to"),
        ]

    print_frame(store, found, form, columns)
