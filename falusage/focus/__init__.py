"""FOCUS, the FinOps Open Cost and Usage Specification: written, read and compared with usage.

`to_focus` converts usage to its Cost and Usage dataset. `load_focus` loads the provider's own
report, and `read_focus` reads a file of it or of any other provider. `tie_out` explains the gap
between usage and charges to the last decimal.

Names resolve on first use: a report compares charges without importing what loads them.
"""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
