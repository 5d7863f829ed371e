"""Add the closest name to what click rejects: an option or a choice."""

from __future__ import annotations

from typing import Any, Final

import click

from falusage._suggestions import closest, did_you_mean


class OneOf(click.Choice[str]):
    """A choice that suggests the closest one."""

    def get_invalid_choice_message(self, value: Any, ctx: click.Context | None) -> str:
        """Return click's message, and the closest choice."""
        return super().get_invalid_choice_message(value, ctx) + did_you_mean(value, self.choices)


_MORE: Final = {
    "--key": " It filters; the key itself comes from FAL_ADMIN_KEY.",
    "--start": " For a month: --start 2025-05-01 --end 2025-06-01.",
}
"""What to say beside the name of an option that is suggested."""


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
    guess += _MORE.get(near or "", "")
    return click.UsageError(f"No such option {error.option_name!r}.{guess}", error.ctx)
