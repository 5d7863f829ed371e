"""What can go wrong, as types.

FalUsageError
├── ConfigError            the key, the address or a setting of the client
├── QueryError             a question that cannot be asked, or an argument out of its range
├── ApiError               the exchange with the API
│   ├── AuthenticationError    401
│   ├── PermissionDeniedError  403
│   ├── BadRequestError        400 and other 4xx
│   ├── NotFoundError          404
│   ├── RateLimitError         429, or a wait longer than we are ready to sleep
│   ├── ServerError            5xx
│   ├── TransportError         no answer, a cut one or a late one
│   └── ProtocolError          an answer outside the contract
│       └── PaginationError    cursors that repeat, disagree or never end
├── SchemaError            rows that break the table's rules
├── ReconciliationError    the rows and the API's own summary disagree
├── MissingColumnError     a column that the table does not have
├── AlignmentError         a cut through the middle of a bucket
├── CoverageError          a range of which a part was never read
├── MixedCurrencyError     one number asked of several currencies
├── ShortHistoryError      too little past to say anything of the future
├── SnapshotError          a file that cannot be written, or a snapshot that cannot be trusted
├── StoreError             the Delta history
└── MissingExtraError      an optional dependency that is not installed

No error ever carries the key. Warnings are under `FalUsageWarning`.
"""

from __future__ import annotations

import contextlib
import html
import inspect
import os
import warnings
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from falusage._suggestions import did_you_mean


class FalUsageError(Exception):
    """The root of every error that falusage raises."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _revive, (type(self), self.args, self.__dict__)


def _revive(
    cls: type[FalUsageError], args: tuple[Any, ...], facts: dict[str, Any]
) -> FalUsageError:
    error = cls.__new__(cls)
    error.args = args
    error.__dict__.update(facts)
    return error


class ConfigError(FalUsageError):
    """The client cannot be set up: no key, a malformed key, an address that is refused."""


class QueryError(FalUsageError, ValueError):
    """A question that cannot be asked: an argument out of its range or its form."""


class ApiError(FalUsageError):
    """The exchange with the API failed.

    Attributes:
        status: The HTTP status, or None where there was no whole answer.
        type: The API's own word for the error (`validation_error`, …), or None.
        request_id: The id to quote to the provider, or None.
        cursor: The cursor of the page that failed, None for a first page.
        window: The start and end of the request, as sent, or None.
        retry_after: The seconds that the server asked to wait, or None where it did not say.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        type: str | None = None,
        request_id: str | None = None,
        cursor: str | None = None,
        window: tuple[str, str] | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.type = type
        self.request_id = request_id
        self.cursor = cursor
        self.window = window
        self.retry_after = retry_after

    def __str__(self) -> str:
        message = super().__str__()
        if not self.request_id or self.request_id in message:
            return message
        return f"{message} (request id {self.request_id})"


class AuthenticationError(ApiError):
    """401: no key, or one that the API does not know."""


class PermissionDeniedError(ApiError):
    """403: not a key of the root team, or it may not read billing, or no organizations.

    The message begins with the server's own words, which may name another reason.
    """


class BadRequestError(ApiError):
    """400, or another 4xx: the API refuses the request as it stands."""


class NotFoundError(ApiError):
    """404: nothing lives at that address."""


class RateLimitError(ApiError):
    """429 to the last attempt, or a wait (`retry_after`) longer than we are ready to sleep."""


class ServerError(ApiError):
    """5xx to the last attempt."""


class TransportError(ApiError):
    """No answer, an answer that was cut short, or one that came too late."""


class ProtocolError(ApiError):
    """An answer outside the contract; the message shows where, and a short excerpt."""


class PaginationError(ProtocolError):
    """Cursors that repeat, disagree with `has_more`, or never come to an end."""


class SchemaError(FalUsageError):
    """Rows that break the table's rules.

    Attributes:
        failures: The broken rows as received, each with its `rules`.
    """

    def __init__(self, message: str, *, failures: pl.DataFrame) -> None:
        super().__init__(message)
        self.failures = failures

    def _repr_html_(self) -> str:
        return _with_failures(self, self.failures)


class ReconciliationError(FalUsageError):
    """What was loaded and the API's own summary of it disagree.

    Attributes:
        failures: The keys that differ, with both sides.
    """

    def __init__(self, message: str, *, failures: pl.DataFrame) -> None:
        super().__init__(message)
        self.failures = failures

    def _repr_html_(self) -> str:
        return _with_failures(self, self.failures)


def _with_failures(error: FalUsageError, failures: pl.DataFrame) -> str:
    said = html.escape(f"{type(error).__name__}: {error}")
    return f"<p>{said}</p>{failures._repr_html_()}"  # pyright: ignore[reportPrivateUsage] -- IPython's protocol


class MissingColumnError(FalUsageError):
    """A column that the table does not have; the message names the one that was meant.

    Attributes:
        column: The name that was asked for.
        available: The names that are there.
    """

    def __init__(self, column: str, available: Iterable[str], *, hint: str = "") -> None:
        self.column = column
        self.available = tuple(available)
        guess = did_you_mean(column, self.available)
        there = ", ".join(self.available) or "none"
        super().__init__(f"no column {column!r}.{guess}{hint and ' ' + hint} There are: {there}.")


class AlignmentError(FalUsageError):
    """A cut through the middle of a bucket, which no arithmetic can make exact."""


class CoverageError(FalUsageError):
    """A range of which a part was never read, so that its sums would be too small.

    Attributes:
        gaps: The parts that were not read: each a start and an end, exclusive, in UTC.
    """

    def __init__(self, message: str, *, gaps: Iterable[tuple[datetime, datetime]] = ()) -> None:
        super().__init__(message)
        self.gaps = tuple(gaps)


class MixedCurrencyError(FalUsageError):
    """One number was asked of a table with several currencies."""


class ShortHistoryError(FalUsageError):
    """Too little whole, settled history for a forecast; the message says what it needs.

    Attributes:
        periods: How many whole, settled periods the table holds.
    """

    def __init__(self, message: str, *, periods: int = 0) -> None:
        super().__init__(message)
        self.periods = periods


class SnapshotError(FalUsageError):
    """A file (snapshot, report, picture) cannot be written, or a snapshot not trusted when read."""


class StoreError(FalUsageError):
    """The Delta history cannot be written, or cannot be trusted when read."""


class MissingExtraError(FalUsageError, ImportError):
    """An optional dependency is not installed; the message says which `pip install` brings it."""

    def __init__(self, extra: str, *, need: str) -> None:
        super().__init__(f"{need} needs the extra {extra!r}: pip install 'falusage[{extra}]'")
        self.extra = extra


class FalUsageWarning(UserWarning):
    """The root of every warning that falusage gives."""


class UnknownFieldWarning(FalUsageWarning):
    """The API sent a field that this version does not know; it was kept."""


class UnknownProductWarning(FalUsageWarning):
    """The API sent a product that this version does not know; it was kept."""


class CostMismatchWarning(FalUsageWarning):
    """`cost` is not quantity × unit_price; `cost` is what is billed, so it was kept."""


class QuarantineWarning(FalUsageWarning):
    """Rows were set aside."""


class ReconciliationWarning(FalUsageWarning):
    """The rows and the summary disagree, and the caller asked to be told rather than stopped."""


class ClockSkewWarning(FalUsageWarning):
    """The server's clock and this machine's differ by more than a few minutes."""


class IncompletePeriodWarning(FalUsageWarning):
    """A period is cut short, open or unsettled: a forecast did not learn from it, or lacks it."""


class UnmatchedWarning(FalUsageWarning):
    """A budget's key appears nowhere in the table; the message names the closest one."""


class ShortHistoryWarning(FalUsageWarning):
    """A series is too short for its season or for a track record; its bands are a guess."""


def warn(message: str, category: type[FalUsageWarning]) -> None:
    """Warn at the line of the caller's that led here, whatever way it took through the package."""
    frame, depth = inspect.currentframe(), 1
    while frame is not None and frame.f_code.co_filename.startswith(_OURS):
        frame, depth = frame.f_back, depth + 1
    warnings.warn(message, category, stacklevel=depth)


_OURS = (
    *(f"{Path(module).parent}{os.sep}" for module in (__file__, pl.__file__)),
    contextlib.__file__,
)
"""What stands between a warning and the caller; Polars calls us back when a plan is collected."""
