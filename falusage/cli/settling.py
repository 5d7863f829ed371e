"""`settling`: how much of its final cost a day had at which age, in a store."""

from __future__ import annotations

from collections.abc import Iterable

import click

from falusage.cli._commands import Command
from falusage.cli._results import format_option, show
from falusage.cli._stores import store_option
from falusage.cli._terminal import width


@click.command(
    cls=Command,
    short_help="Show how soon a store's costs are final.",
    examples=("falusage settling --store usage-store",),
    columns={
        "in json and csv": {
            "age": "whole number",
            "currency": "text",
            "windows": "whole number",
            "cost": "number",
            "final": "number",
            "known": "number",
            "lo_80": "number",
            "hi_80": "number",
        }
    },
)
@store_option
@format_option
def settling(place: str, form: str) -> None:
    """Show how much of its final cost a day (or longer bucket) had at which age, in days.

    Only those that are settled by now count, at each read but the last.
    """
    from falusage.reporting.columns import amounts, names, numbers, percents
    from falusage.reporting.layout import lay_out, wrapped
    from falusage.store import UsageStore

    found = UsageStore(place).settling()

    def table() -> Iterable[str]:
        if found.is_empty():
            said = "No settled day was read at two ages yet; run falusage sync every day."
            return wrapped(said, width())
        columns = [
            numbers(found, "age"),
            names(found, "currency"),
            numbers(found, "windows"),
            amounts(found, "cost"),
            amounts(found, "final"),
            percents(found, "known"),
            percents(found, "lo_80", "80% from"),
            percents(found, "hi_80", "to"),
        ]
        return lay_out(columns, width=width())

    show(found, form, table)
