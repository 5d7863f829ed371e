"""A history of usage on Delta Lake: what was known, and when."""

from __future__ import annotations

from falusage.store._store import UsageStore
from falusage.store._sync_result import SyncResult
from falusage.store._view import StoreView

__all__ = ["StoreView", "SyncResult", "UsageStore"]
