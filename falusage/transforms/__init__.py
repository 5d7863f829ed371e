"""Understanding: pure functions from a usage table to an answer, one file a question."""

from falusage.transforms.rollup import rollup

__all__ = ["rollup"]
