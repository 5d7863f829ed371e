"""Answers as text, for a terminal or a mail: who spent what, and how sure the numbers are.

Pure functions from frames to text. Money bears its currency in every cell, so that no column
can be read as if it had one sum.
"""

from falusage.reporting.certainty import Certainty as Certainty
from falusage.reporting.months import month_so_far as month_so_far
from falusage.reporting.spending import spending as spending
from falusage.reporting.summary import summary as summary
from falusage.reporting.tables import usage_table as usage_table

__all__ = ["Certainty", "month_so_far", "spending", "summary", "usage_table"]
