"""FOCUS, the FinOps Open Cost and Usage Specification: written, read and compared with usage.

`to_focus` converts usage to its Cost and Usage dataset. `load_focus` loads the provider's own
report, and `read_focus` reads a file of it or of any other provider. `tie_out` explains the gap
between usage and charges to the last decimal.
"""

from __future__ import annotations

from falusage.focus._charges import check_arguments as check_arguments
from falusage.focus._charges import to_focus
from falusage.focus._charges import to_focus_in_parts as to_focus_in_parts
from falusage.focus._loading import load_focus
from falusage.focus._parts import PARTS as PARTS
from falusage.focus._parts import UNEXPLAINED as UNEXPLAINED
from falusage.focus._parts import in_words as in_words
from falusage.focus._reading import read_focus
from falusage.focus._tying import tie_out
from falusage.focus._vocabulary import CSV_TIME as CSV_TIME
from falusage.focus._writing import write_focus as write_focus

__all__ = ["load_focus", "read_focus", "tie_out", "to_focus"]
