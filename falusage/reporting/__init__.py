"""Answers to send on: who spent what, why, and how sure the numbers are.

As text for a terminal, or as a page of HTML in one file. Money bears its currency in every cell,
so that no column can be read as if it had one sum.
"""

from falusage.reporting._certainty import Certainty as Certainty
from falusage.reporting._document import report as report
from falusage.reporting._document import write_report as write_report
from falusage.reporting._months import month_so_far as month_so_far
from falusage.reporting._spending import spending as spending
from falusage.reporting._summary import summary as summary
from falusage.reporting._tables import usage_table as usage_table

__all__ = [
    "Certainty",
    "month_so_far",
    "report",
    "spending",
    "summary",
    "usage_table",
    "write_report",
]
