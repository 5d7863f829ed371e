"""Understanding: pure functions from a usage table to an answer, one file a question."""

from falusage.transforms.cost_share import cost_share
from falusage.transforms.pivot import pivot
from falusage.transforms.rollup import rollup
from falusage.transforms.trend import trend

__all__ = ["cost_share", "pivot", "rollup", "trend"]
