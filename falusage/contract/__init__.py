"""The provider's contract, declared once, as data.

`organization` declares the endpoint: its path, editions, parameters and fields. `fields`,
`parameters` and `endpoints` define what a declaration consists of. Every other room derives its
lists from here: what is sent, and how an answer is read, checked, summed, kept, compared, served
and documented. A new field or parameter is one line.
"""

from falusage.contract.endpoints import Endpoint
from falusage.contract.fields import INSTANT, Field, Role
from falusage.contract.organization import (
    ORGANIZATION_USAGE,
    PRODUCTS,
    Product,
    UsageFields,
)
from falusage.contract.parameters import TIMEFRAMES, Names, Parameter, Timeframe

__all__ = [
    "INSTANT",
    "ORGANIZATION_USAGE",
    "PRODUCTS",
    "TIMEFRAMES",
    "Endpoint",
    "Field",
    "Names",
    "Parameter",
    "Product",
    "Role",
    "Timeframe",
    "UsageFields",
]
