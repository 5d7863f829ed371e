"""Ranges as options take them: a start and an end with a slash between, as in ISO 8601."""

from __future__ import annotations

import click


def ends(text: str) -> tuple[str, str]:
    """Return the start and the end, exclusive, of a range such as 2025-04-01/2025-05-01.

    Raises:
        UsageError: It is not a range.
    """
    start, slash, end = text.partition("/")
    if not (start and slash and end):
        raise click.UsageError(
            f"the range is {text!r}; expected its start and end, as 2025-04-01/2025-05-01"
        )
    return start, end
