"""Reports to send on: who spent what, why, and how sure the numbers are.

`report` writes a page of HTML in one file, `summary` returns text for a terminal.
"""

from falusage.reporting._report import report as report
from falusage.reporting._summary import summary as summary

__all__ = ["report", "summary"]
