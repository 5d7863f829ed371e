"""The provider's contract, declared once, as data.

Each endpoint is declared with its path, editions, parameters and fields: `organization` and
`workspace` have those of usage, `events` those of billing events, `account` the others. `fields`,
`parameters` and `endpoints` define what a declaration consists of. Every other room derives its
lists from here: what is sent, and how an answer is read, checked, summed, kept, compared, served
and documented. A new field or parameter is one line.
"""

from falusage.contract.account import (
    ACCOUNT_FOCUS,
    BALANCE,
    KEYS,
    ORGANIZATION_FOCUS,
    PRICES,
    TEAMS,
)
from falusage.contract.endpoints import DENIED, Endpoint, Needs
from falusage.contract.events import (
    EVENT_ENDPOINTS,
    EVENTS_ASKED,
    MODELS_EVENTS,
    ORGANIZATION_EVENTS,
    EventFields,
)
from falusage.contract.fields import Field, Role, Type
from falusage.contract.organization import ORGANIZATION_USAGE, Edition
from falusage.contract.parameters import TIMEFRAMES, Names, Parameter, Timeframe
from falusage.contract.usage import (
    ASKED,
    CALLERS,
    END,
    PRODUCTS,
    SCOPES,
    START,
    Product,
    Scope,
    UsageFields,
    filters,
)
from falusage.contract.workspace import MODELS_USAGE, SERVERLESS_USAGE, USAGE_ENDPOINTS

ENDPOINTS = (
    ORGANIZATION_USAGE,
    MODELS_USAGE,
    SERVERLESS_USAGE,
    ORGANIZATION_EVENTS,
    MODELS_EVENTS,
    ORGANIZATION_FOCUS,
    ACCOUNT_FOCUS,
    TEAMS,
    KEYS,
    PRICES,
    BALANCE,
)
"""Every declared endpoint."""

__all__ = [
    "ACCOUNT_FOCUS",
    "ASKED",
    "BALANCE",
    "CALLERS",
    "DENIED",
    "END",
    "ENDPOINTS",
    "EVENTS_ASKED",
    "EVENT_ENDPOINTS",
    "KEYS",
    "MODELS_EVENTS",
    "MODELS_USAGE",
    "ORGANIZATION_EVENTS",
    "ORGANIZATION_FOCUS",
    "ORGANIZATION_USAGE",
    "PRICES",
    "PRODUCTS",
    "SCOPES",
    "SERVERLESS_USAGE",
    "START",
    "TEAMS",
    "TIMEFRAMES",
    "USAGE_ENDPOINTS",
    "Edition",
    "Endpoint",
    "EventFields",
    "Field",
    "Names",
    "Needs",
    "Parameter",
    "Product",
    "Role",
    "Scope",
    "Timeframe",
    "Type",
    "UsageFields",
    "filters",
]
