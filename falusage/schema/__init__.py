"""What a row must be, and what becomes of rows that are not.

`rules` derives the tables' rules from the contract, as pandera schemas. `validation` splits a
table into the rows that keep them and the rows that do not, each with the names of the rules that
it broke. `rounding` tells how much of a cost only its rounding explains.
"""

from falusage.schema._rules import summary_schema, usage_schema
from falusage.schema.validation import validate_usage

__all__ = ["summary_schema", "usage_schema", "validate_usage"]
