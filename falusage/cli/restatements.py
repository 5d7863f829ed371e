"""`restatements`: the rows in which two versions of a store differ."""

from __future__ import annotations

import click

from falusage.cli._options import format_option
from falusage.cli._stores import print_frame, store_option


@click.command(short_help="Show what changed between two versions.")
@store_option
@format_option()
@click.argument("old", metavar="OLD")
@click.argument("new", metavar="[NEW]", required=False)
def restatements(place: str, form: str, old: str, new: str | None) -> None:
    """List the rows in which two versions of a store differ.

    OLD and NEW are versions of `history`, or instants; a date means its midnight in the store's
    time zone. NEW is the last version by default.
    """
    from falusage.reporting.columns import Column, amounts, minutes, names, texts
    from falusage.store import UsageStore

    store = UsageStore(place)
    found = store.restatements(_when(old), None if new is None else _when(new))

    def columns(timezone: str) -> list[Column]:
        return [
            names(found, "change"),
            texts("restated", ["yes" if each else "no" for each in found["restated"]]),
            minutes(found, "bucket", timezone),
            names(found, "username"),
            names(found, "endpoint_id"),
            amounts(found, "cost_old", "before"),
            amounts(found, "cost_new", "after"),
            amounts(found, "cost_delta", "difference", signed=True),
        ]

    print_frame(store, found, form, columns)


def _when(text: str) -> int | str:
    return int(text) if text.isdecimal() else text
