"""What the commands of a store share: its option, and how results are printed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import click

from falusage.cli._terminal import put, put_data, width

if TYPE_CHECKING:
    import polars as pl

    from falusage.reporting.columns import Column
    from falusage.store import UsageStore

store_option: Final = click.option(
    "--store",
    "place",
    required=True,
    metavar="DIR",
    help="The store's folder, or its address (s3://, gs://, az://).",
)


def print_frame(
    store: UsageStore,
    found: pl.DataFrame,
    form: str,
    columns: Callable[[str], list[Column]],
) -> None:
    """Print a result as a table, with instants in the store's time zone, or as data."""
    if form == "table":
        from falusage.reporting.layout import lay_out

        put(lay_out(columns(store.timezone), width=width()))
        return
    from falusage.reporting.records import data_text

    for text in data_text(found, form):
        put_data(text)
