"""The errors and warnings of falusage.

FalUsageError
├── ConfigError            the key, the address or a setting of the client
├── QueryError             a question that cannot be asked, or an invalid argument
├── ApiError               the exchange with the API
│   ├── AuthenticationError    401
│   ├── PermissionDeniedError  403
│   ├── BadRequestError        400 and other 4xx
│   ├── NotFoundError          404
│   ├── RateLimitError         429, or a wait that is too long
│   ├── ServerError            5xx
│   ├── TransportError         no answer, an incomplete one or a late one
│   └── ProtocolError          an answer outside the contract
│       └── PaginationError    cursors that repeat, contradict `has_more` or never end
├── SchemaError            rows that break the table's rules
├── ReconciliationError    the rows differ from the API's own totals
├── MissingColumnError     a column that the table does not have
├── AlignmentError         a boundary inside a bucket
├── CoverageError          a range with a part that was never read
├── MixedCurrencyError     a single number from several currencies
├── ShortHistoryError      too little history for a forecast
├── SnapshotError          a file that cannot be written, or a damaged snapshot
├── StoreError             a store that cannot be read or written
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


def _revive(kind: type[FalUsageError], args: tuple[Any, ...], own: dict[str, Any]) -> FalUsageError:
    error = kind.__new__(kind)
    error.args = args
    error.__dict__.update(own)
    return error


class ConfigError(FalUsageError):
    """The client cannot be set up: no key, a malformed key, an address that is not allowed."""


class QueryError(FalUsageError, ValueError):
    """A question that cannot be asked: an argument is invalid or out of range."""


class ApiError(FalUsageError):
    """The exchange with the API failed.

    Attributes:
        status: The HTTP status, or None if there was no complete answer.
        type: The API's own name of the error (`validation_error`, …), or None.
        request_id: The id to quote to the provider, or None.
        cursor: The cursor of the page that failed, None for a first page.
        window: The start and end of the request, as sent, or None.
        retry_after: The seconds that the server asked to wait, or None.
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
    """401: no key, or a key that the API does not know."""


class PermissionDeniedError(ApiError):
    """403: the key may not read this.

    The message begins with the server's own text, and then says what the endpoint needs: a key of
    the root team, permission to read billing, or an organization.
    """


class BadRequestError(ApiError):
    """400, or another 4xx: the API rejects the request."""


class NotFoundError(ApiError):
    """404: there is nothing at that address."""


class RateLimitError(ApiError):
    """429 to the last attempt, or a wait (`retry_after`) longer than the client accepts."""


class ServerError(ApiError):
    """5xx to the last attempt."""


class TransportError(ApiError):
    """No answer, an incomplete answer, or one that came too late."""


class ProtocolError(ApiError):
    """An answer outside the contract; the message shows where, with a short excerpt."""


class PaginationError(ProtocolError):
    """Cursors that repeat, contradict `has_more`, or never end."""


class SchemaError(FalUsageError):
    """Rows that are invalid.

    Attributes:
        failures: The invalid rows as received, each with the `rules` that it breaks.
    """

    def __init__(self, message: str, *, failures: pl.DataFrame) -> None:
        super().__init__(message)
        self.failures = failures

    def _repr_html_(self) -> str:
        return _with_failures(self, self.failures)


class ReconciliationError(FalUsageError):
    """The loaded rows differ from the API's own totals.

    Attributes:
        failures: The keys that differ, with both sides.
    """

    def __init__(self, message: str, *, failures: pl.DataFrame) -> None:
        super().__init__(message)
        self.failures = failures

    def _repr_html_(self) -> str:
        return _with_failures(self, self.failures)


def _with_failures(error: FalUsageError, failures: pl.DataFrame) -> str:
    message = html.escape(f"{type(error).__name__}: {error}")
    return f"<p>{message}</p>{failures._repr_html_()}"  # pyright: ignore[reportPrivateUsage] -- IPython's protocol


class MissingColumnError(FalUsageError):
    """A column is missing in the table; the message suggests the closest name.

    Attributes:
        column: The name that was requested.
        available: The columns of the table.
    """

    def __init__(self, column: str, available: Iterable[str], *, hint: str = "") -> None:
        self.column = column
        self.available = tuple(available)
        guess = did_you_mean(column, self.available)
        there = ", ".join(self.available) or "none"
        super().__init__(f"no column {column!r}.{guess}{hint and ' ' + hint} There are: {there}.")


class AlignmentError(FalUsageError):
    """A boundary lies inside a bucket, so that no exact answer exists."""


class CoverageError(FalUsageError):
    """A part of the range was never read, so that sums over it would be too small.

    Attributes:
        gaps: The parts that were not read, each as a start and an end, exclusive, in UTC.
    """

    def __init__(self, message: str, *, gaps: Iterable[tuple[datetime, datetime]] = ()) -> None:
        super().__init__(message)
        self.gaps = tuple(gaps)


class MixedCurrencyError(FalUsageError):
    """A single number was requested from a table with several currencies."""


class ShortHistoryError(FalUsageError):
    """Too little complete, settled history for a forecast; the message says how much it needs.

    Attributes:
        periods: How many complete, settled periods the table has.
    """

    def __init__(self, message: str, *, periods: int = 0) -> None:
        super().__init__(message)
        self.periods = periods


class SnapshotError(FalUsageError):
    """A file (snapshot, report, picture) cannot be written, or a snapshot is damaged."""


class StoreError(FalUsageError):
    """A store cannot be written, cannot be read, or is damaged."""


class MissingExtraError(FalUsageError, ImportError):
    """An optional dependency is not installed; the message says which `pip install` adds it."""

    def __init__(self, extra: str, *, need: str) -> None:
        super().__init__(f"{need} needs the extra {extra!r}: pip install 'falusage[{extra}]'")
        self.extra = extra


class FalUsageWarning(UserWarning):
    """The root of every warning of falusage."""


class UnknownFieldWarning(FalUsageWarning):
    """The API sent a field that this version does not know; it was kept."""


class UnknownProductWarning(FalUsageWarning):
    """The API sent a product that this version does not know; it was kept."""


class CostMismatchWarning(FalUsageWarning):
    """`cost` is not quantity × unit_price; `cost` is what is billed, so it was kept."""


class QuarantineWarning(FalUsageWarning):
    """Invalid rows were quarantined."""


class ReconciliationWarning(FalUsageWarning):
    """The rows differ from the API's own totals, and `reconcile="warn"` was given."""


class ClockSkewWarning(FalUsageWarning):
    """The server's clock and this machine's differ by more than a few minutes."""


class IncompletePeriodWarning(FalUsageWarning):
    """A period is incomplete, open or unsettled, so a forecast does not use it."""


class UnmatchedWarning(FalUsageWarning):
    """A name has no match, such as a budget's key that appears nowhere in the table."""


class MissingGlyphWarning(FalUsageWarning):
    """No installed font has a character of a name in a picture."""


class ShortHistoryWarning(FalUsageWarning):
    """A series is too short for its season or for a backtest; its bands are a guess."""


def warn(message: str, category: type[FalUsageWarning]) -> None:
    """Warn at the line of the caller's code that led here, however deep in the package."""
    frame, depth = inspect.currentframe(), 1
    while frame is not None and frame.f_code.co_filename.startswith(_OURS):
        frame, depth = frame.f_back, depth + 1
    warnings.warn(message, category, stacklevel=depth)


_FOLDERS = (f"{Path(module).parent}{os.sep}" for module in (__file__, pl.__file__))
_OURS = (*_FOLDERS, contextlib.__file__)
"""Files between a warning and the caller; Polars calls back when a plan is collected."""
