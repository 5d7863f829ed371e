"""Transforms: pure functions from a usage table to an answer, one file per question."""

from falusage.transforms.allocate import allocate
from falusage.transforms.anomalies import anomalies
from falusage.transforms.budget_status import budget_status
from falusage.transforms.cost_bridge import cost_bridge
from falusage.transforms.cost_share import cost_share
from falusage.transforms.customer_cost import customer_cost
from falusage.transforms.pivot import pivot
from falusage.transforms.price_changes import price_changes
from falusage.transforms.rollup import rollup
from falusage.transforms.tie_out_events import tie_out_events
from falusage.transforms.trend import trend

__all__ = [
    "allocate",
    "anomalies",
    "budget_status",
    "cost_bridge",
    "cost_share",
    "customer_cost",
    "pivot",
    "price_changes",
    "rollup",
    "tie_out_events",
    "trend",
]
