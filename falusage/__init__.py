"""Exact analytics over fal.ai's Organization Usage API.

Names resolve on first use, so that importing the package costs what importing polars costs.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from falusage.emulator import Emulator as Emulator
    from falusage.emulator import Faults as Faults
    from falusage.errors import FalUsageError as FalUsageError
    from falusage.sample import Sample as Sample
    from falusage.sample import sample_usage as sample_usage

_HOMES = {
    "falusage.emulator": ("Emulator", "Faults"),
    "falusage.errors": (
        "AlignmentError",
        "ApiError",
        "AuthenticationError",
        "BadRequestError",
        "ConfigError",
        "CostMismatchWarning",
        "FalUsageError",
        "FalUsageWarning",
        "MissingColumnError",
        "MissingExtraError",
        "MixedCurrencyError",
        "NotFoundError",
        "PaginationError",
        "PermissionDeniedError",
        "ProtocolError",
        "QuarantineWarning",
        "QueryError",
        "RateLimitError",
        "ReconciliationError",
        "ReconciliationWarning",
        "SchemaError",
        "ServerError",
        "SnapshotError",
        "StoreError",
        "TransportError",
        "UnknownFieldWarning",
        "UnknownProductWarning",
    ),
    "falusage.sample": ("Sample", "sample_usage"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = sorted(_HOME_OF)  # pyright: ignore[reportUnsupportedDunderAll]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'falusage' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
