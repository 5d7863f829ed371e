"""The public functions by what they take, so that no list of them in a test forgets one."""

from __future__ import annotations

import inspect

import falusage as fu


def taking(parameter: str) -> set[str]:
    """Return the names of the public functions that have a parameter."""
    return {
        name
        for name in fu.__all__
        for value in [getattr(fu, name)]
        if inspect.isfunction(value) and parameter in inspect.signature(value).parameters
    }
