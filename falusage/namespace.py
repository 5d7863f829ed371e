"""The transforms as methods of a frame: `usage.fal.cost_share(by="username")`.

Importing falusage registers `fal` on DataFrame and LazyFrame. A name of `falusage.transforms` is
looked up on first use and bound to the frame, with its docstring.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable
from typing import Any

import polars as pl

from falusage._suggestions import did_you_mean

_HOME = "falusage.transforms"


class Understanding:
    """The transforms of falusage, bound to a usage table.

    `usage.fal.NAME(...)` is `usage.pipe(falusage.NAME, ...)`. The functions are what type checkers
    know; a namespace is invisible to them.

    >>> usage = pl.DataFrame({"username": ["ads", "labs"], "cost": [3.0, 1.0], "currency": "USD"})
    >>> usage.fal.cost_share(by="username")["share"].to_list()
    [0.75, 0.25]
    """

    def __init__(self, usage: pl.DataFrame | pl.LazyFrame) -> None:
        self._usage = usage

    def __getattr__(self, name: str) -> Callable[..., Any]:
        # Private names first: copying and pickling ask for them before `_usage` is there.
        if name.startswith("_") or name not in _transforms():
            there = _transforms()
            raise AttributeError(
                f"no transform {name!r} in usage.fal.{did_you_mean(name, there)} "
                f"There are: {', '.join(there)}"
            )
        transform = getattr(importlib.import_module(_HOME), name)
        return functools.update_wrapper(functools.partial(transform, self._usage), transform)

    def __dir__(self) -> list[str]:
        return [*object.__dir__(self), *_transforms()]


def _transforms() -> list[str]:
    return importlib.import_module(_HOME).__all__


def register() -> None:
    """Register `fal` on DataFrame and LazyFrame, unless it is registered already."""
    for frame, register in (
        (pl.DataFrame, pl.api.register_dataframe_namespace),
        (pl.LazyFrame, pl.api.register_lazyframe_namespace),
    ):
        # Polars warns of an override. After a reload, the earlier registration still works.
        if getattr(getattr(frame, "fal", None), "__module__", None) != __name__:
            register("fal")(Understanding)
