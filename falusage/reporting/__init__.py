"""Reports to send on: what was spent, by whom, why, and how sure the numbers are.

`report` writes a page of HTML in one file, `summary` returns text for a terminal, and
`summary_json` returns its first screen for other programs. `lacking` says which parts of the month
were never read.
"""

from falusage.reporting._data import summary_json as summary_json
from falusage.reporting._ranges import lacking as lacking
from falusage.reporting._report import report as report
from falusage.reporting._shown import Report as Report
from falusage.reporting._summary import summary as summary

__all__ = ["Report", "lacking", "report", "summary", "summary_json"]
