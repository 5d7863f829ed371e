"""`config`: the settings, and where each came from; or their JSON Schema."""

from __future__ import annotations

import json
from collections.abc import Iterable
from os.path import isfile
from typing import Literal

import click

from falusage.cli._commands import Command
from falusage.cli._configuration import FILE, user_file, values
from falusage.cli._results import format_option, show
from falusage.cli._settings import schema
from falusage.cli._suggesting import OneOf
from falusage.cli._terminal import put_data, width


@click.command(
    cls=Command,
    short_help="Show the settings, and where each came from.",
    examples=("falusage config show", "falusage config schema > falusage.schema.json"),
    columns={"in json and csv": {"setting": "text", "value": "text", "source": "text"}},
)
@click.argument("what", type=OneOf(["show", "schema"]), default="show")
@format_option
def config(what: Literal["show", "schema"], form: str) -> None:
    """Show the settings, and where each came from; or print their JSON Schema for editors.

    They are read from your own file, then from the first falusage.toml, or pyproject.toml with
    [tool.falusage], on the way up from here, then from the environment. Each is the default of an
    option. The key is never one of them: it comes from the environment alone.
    """
    import polars as pl

    from falusage.reporting.columns import texts
    from falusage.reporting.layout import lay_out

    if what == "schema":
        put_data(json.dumps(schema(), indent=2) + "\n")
        return
    found = values()
    columns = {
        "setting": [each.setting.path for each in found],
        "value": [None if each.value is None else str(each.value) for each in found],
        "source": [each.source for each in found],
    }
    frame = pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String))

    def table() -> Iterable[str]:
        yield from lay_out(
            [texts(name, frame[name].fill_null("-")) for name in columns], width=width()
        )
        yield ""
        own = user_file()
        yield f"Your own file is {own}{'' if isfile(own) else ', which is not there'}."
        yield f"A project has {FILE}, or [tool.falusage] in pyproject.toml."

    show(frame, form, table)
