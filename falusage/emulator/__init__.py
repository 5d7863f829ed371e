"""The Organization Usage API on one's own machine, over real HTTP on the loopback.

`Emulator` serves any usage table as the API would, and `serve` does so until interrupted. What
the API leaves unsaid, this room decides and says: see `Ledger` for how rows become line items,
and `Parameters` for how a request is read.
"""

from __future__ import annotations

from falusage.emulator._faults import Faults
from falusage.emulator._server import Emulator, serve

__all__ = ["Emulator", "Faults", "serve"]
