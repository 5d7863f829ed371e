"""Faults that an emulator shows on purpose, reproducibly.

These are the faults of an API that is busy or down but still follows its protocol. The outcome of
the n-th request depends only on the seed.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass

from falusage.errors import QueryError


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """Which requests fail, and how. Only requests with an admin's key count.

    Attributes:
        error_rate: The share of requests that are answered with a 500, 0 to 1.
        rate_limit_every: Every n-th request is answered with a 429; 0 means none.
        retry_after: The seconds that a 429 asks the caller to wait.
        seed: Decides which requests fail.

    Raises:
        QueryError: If a number is out of range.

    >>> list(itertools.islice(Faults(error_rate=0.5, rate_limit_every=4).statuses(), 8))
    [200, 200, 500, 429, 200, 500, 200, 429]
    """

    error_rate: float = 0.0
    rate_limit_every: int = 0
    retry_after: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.error_rate <= 1:
            raise QueryError(f"error_rate is {self.error_rate}; expected a share from 0 to 1")
        for name in ("rate_limit_every", "retry_after"):
            if getattr(self, name) < 0:
                raise QueryError(f"{name} is {getattr(self, name)}; expected 0 or more")

    def statuses(self) -> Iterator[int]:
        """Yield the status of the first request, the second, and so on: 200, 429 or 500."""
        dice = random.Random(self.seed)  # noqa: S311 (reproducible faults, not secrets)
        for nth in itertools.count(1):
            failed = dice.random() < self.error_rate
            limited = self.rate_limit_every and nth % self.rate_limit_every == 0
            yield 429 if limited else 500 if failed else 200
