"""The group of commands; and a command whose help ends with its columns and its examples."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import click

from falusage._suggestions import did_you_mean
from falusage._version import __version__
from falusage.cli._configuration import defaults
from falusage.cli._logging import LOG, verbose_option
from falusage.cli._results import Columns


class Commands(click.Group):
    """A group that suggests the closest command, and reads the defaults of its options."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command, with the settings as defaults; its help needs none."""
        if not {*ctx.help_option_names} & {*ctx.args}:
            ctx.default_map = defaults(self.commands)
        return super().invoke(ctx)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, or raise a `UsageError` with the closest name.

        A name that starts with a dash is not a command; click handles it.
        """
        found = super().get_command(ctx, cmd_name)
        if found is None and not ctx.resilient_parsing and not cmd_name.startswith("-"):
            guess = did_you_mean(cmd_name, self.list_commands(ctx))
            raise click.UsageError(f"No such command {cmd_name!r}.{guess}", ctx)
        return found


class Command(click.Command):
    """A command with examples, and with the columns of what it prints."""

    def __init__(
        self,
        *args: Any,
        examples: tuple[str, ...],
        columns: Mapping[str, Columns | Callable[[], Columns]] | None = None,
        **options: Any,
    ) -> None:
        """Add to what click takes.

        Args:
            *args: The name.
            examples: Command lines that run, as they are typed.
            columns: What `--format json` and `csv` print, by the words that say when. A function
                is called when the help is shown.
            **options: What click takes.
        """
        super().__init__(*args, **options)
        self.params.append(verbose_option)
        self.examples = examples
        self._columns = columns or {}

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command, between the first line and the last of its log."""
        began = time.monotonic()
        LOG.info("%s, version %s", ctx.command_path, __version__)
        try:
            return super().invoke(ctx)
        finally:
            LOG.info("%s took %.1f s", ctx.command_path, time.monotonic() - began)

    def columns(self) -> dict[str, Columns]:
        """Return the columns, by the words that say when they are printed."""
        return {
            when: found() if callable(found) else found for when, found in self._columns.items()
        }

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the columns and the examples below the options."""
        super().format_epilog(ctx, formatter)
        for when, columns in self.columns().items():
            listed = ", ".join(f"{name} ({word})" for name, word in columns.items())
            with formatter.section(f"Columns {when}"):
                formatter.write_text(f"{listed}.")
        with formatter.section("Examples"):
            for line in self.examples:
                formatter.write(f"{'':{formatter.current_indent}}{line}\n")
