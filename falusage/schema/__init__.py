"""The rules of a valid row, and what happens to invalid rows.

`rules` derives the rules from the contract, as pandera schemas. `validation` splits a table into
valid and invalid rows, each with the names of the rules that it broke. `rounding` computes how
much of a cost only its rounding explains.
"""

from falusage.schema.rules import summary_schema, usage_schema
from falusage.schema.validation import validate_usage

__all__ = ["summary_schema", "usage_schema", "validate_usage"]
