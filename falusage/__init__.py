"""Exact analytics over fal.ai's usage API.

Names resolve on first use, so that importing the package costs what importing polars costs; the
transforms are also methods of a frame, as `usage.fal.rollup(by="username")`. `__init__.pyi` lists
the names.
"""

from __future__ import annotations

from falusage import _interrupts

if _interrupts.is_command():
    _interrupts.leave_on_ctrl_c()  # what follows is imports, which may take a second

import logging
from typing import Any

import lazy_loader

from falusage._suggestions import did_you_mean
from falusage._version import __version__ as __version__

if not _interrupts.is_command():  # it has no use for the methods, and --help not for Polars
    from falusage import namespace

    namespace.register()
logging.getLogger(__name__).addHandler(logging.NullHandler())  # quiet, unless a program listens
_resolve, _, __all__ = lazy_loader.attach_stub(__name__, __file__)


def __getattr__(name: str) -> Any:
    if name not in __all__:
        # Programs ask every module for names such as __wrapped__; only people mistype.
        closest = "" if name.startswith("_") else did_you_mean(name, __all__)
        raise AttributeError(f"module 'falusage' has no attribute {name!r}.{closest}")
    value = _resolve(name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
