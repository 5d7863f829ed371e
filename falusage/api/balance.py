"""What an account has left to spend."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """The credits of an account at one moment, as `load_balance` returns them.

    Attributes:
        username: The account's name.
        current_balance: What is left, in `currency`; below zero if more was used than was paid
            for. The provider shows it late: recent usage may not be taken off yet.
        currency: Three letters, such as `USD`.
        read_at: When it was read, in UTC, by the server's clock if it sends one.

    >>> from datetime import UTC
    >>> Balance(
    ...     username="acme", current_balance=-1.5, currency="USD",
    ...     read_at=datetime(2025, 6, 1, tzinfo=UTC),
    ... ).current_balance
    -1.5
    """

    username: str
    current_balance: float
    currency: str
    read_at: datetime
