"""Completion in bash, zsh and fish: click's own, which `falusage.cli.main` has to ask for.

A shell starts `falusage` with a variable whenever somebody presses Tab, so this imports nothing
that takes time, and no value is looked up in the API.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Any, Final, TypeAlias

import click
from click.shell_completion import CompletionItem, shell_complete

from falusage.cli._terminal import say

_VARIABLE: Final = "_FALUSAGE_COMPLETE"
_PROGRAM: Final = "falusage"

Completer: TypeAlias = "Callable[[click.Context, click.Parameter, str], list[CompletionItem[Any]]]"
"""What `shell_complete=` of an option takes. As text, because click 8.2 has no items of a type."""


def complete(cli: click.Group) -> int | None:
    """Print the shell's script or completions if they are asked for, and return the exit code.

    Returns:
        None if they are not asked for; 1 for an unknown shell, which a message names.
    """
    asked = os.environ.get(_VARIABLE)
    if not asked:
        return None
    code = shell_complete(cli, {}, _PROGRAM, _VARIABLE, asked)
    if code:
        say(f"error: {_VARIABLE} is {asked!r}; expected bash_source, zsh_source or fish_source")
    return code


def one_of(values: Callable[[], Iterable[str]]) -> Completer:
    """Return what completes an option with one of some values."""

    def found(_: click.Context, __: click.Parameter, begun: str) -> list[CompletionItem[Any]]:
        return [CompletionItem(each) for each in values() if each.startswith(begun)]

    return found


def zones() -> list[str]:
    """Return the IANA time zones that this machine knows."""
    from zoneinfo import available_timezones

    return sorted(available_timezones())


def folder(_: click.Context, __: click.Parameter, begun: str) -> list[CompletionItem[Any]]:
    """Let the shell complete a folder."""
    return [CompletionItem(begun, type="dir")]
