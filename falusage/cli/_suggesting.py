"""Add the closest name to what click rejects: a command, an option or a choice."""

from __future__ import annotations

from typing import Any

import click

from falusage._suggestions import closest, did_you_mean


class Commands(click.Group):
    """A group that suggests the closest command."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, or raise a `UsageError` with the closest name.

        A name that starts with a dash is not a command; click handles it.
        """
        found = super().get_command(ctx, cmd_name)
        if found is None and not ctx.resilient_parsing and not cmd_name.startswith("-"):
            guess = did_you_mean(cmd_name, self.list_commands(ctx))
            raise click.UsageError(f"No such command {cmd_name!r}.{guess}", ctx)
        return found


class OneOf(click.Choice[str]):
    """A choice that suggests the closest one."""

    def get_invalid_choice_message(self, value: Any, ctx: click.Context | None) -> str:
        """Return click's message, and the closest choice."""
        return super().get_invalid_choice_message(value, ctx) + did_you_mean(value, self.choices)


def unknown_option(error: click.NoSuchOption) -> click.UsageError:
    """Return the error of an unknown option, with the closest option."""
    long = (
        [name for name in param.opts if name.startswith("--")]
        for param in (error.ctx.command.get_params(error.ctx) if error.ctx else ())
        if isinstance(param, click.Option)
    )
    known = [names[0] for names in long if names]  # of two names, the shorter
    near = closest(error.option_name, known)
    guess = "" if near is None else f" Did you mean {near!r}?"
    if near == "--key":
        guess += " It filters; the key itself comes from FAL_ADMIN_KEY."
    return click.UsageError(f"No such option {error.option_name!r}.{guess}", error.ctx)
