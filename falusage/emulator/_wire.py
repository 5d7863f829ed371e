"""Line items and pages as JSON, written column by column.

Polars writes each number as the shortest text that is read as the same double. Optional fields of
the contract are left out where they are null.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from falusage.contract import Endpoint, Field

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_INSTANT: Final = "%Y-%m-%dT%H:%M:%S%.6fZ"
_OPEN: Final = ('{"bucket":"', '","results":[')
_CLOSE: Final = "]}"


def items(
    endpoint: Endpoint,
    edition: int,
    shown: Sequence[str] = (),
    extras: Sequence[pl.Expr] = (),
    raw: Sequence[pl.Expr] = (),
) -> pl.Expr:
    """Write each row of a frame of line items as a JSON object.

    Args:
        endpoint: The endpoint whose items they are.
        edition: The edition of the contract, which decides the fields and their names.
        shown: The values of `expand` whose fields are written, except nulls.
        extras: Further columns, each named as its field; nulls are written.
        raw: Further members, each written after a comma.

    Returns:
        A String expression.

    >>> from falusage.contract import ORGANIZATION_USAGE
    >>> row = dict(username="a", product="compute", endpoint_id="b", unit="second", quantity=2.0,
    ...            unit_price=0.1, cost=0.2, currency="USD", auth_detail="k", api_key_id=None)
    >>> item = items(ORGANIZATION_USAGE, 3, ["auth_method_structured"])
    >>> print(pl.DataFrame(row).with_columns(login_username=None).select(item).item())
    {"username":"a","product":"compute","endpoint_id":"b","unit":"second","quantity":2.0,\
"unit_price":0.1,"cost":0.2,"currency":"USD","auth_method_structured":{"detail":"k"}}
    """
    always: list[pl.Expr] = []
    asked: list[pl.Expr] = []
    objects: dict[str, list[pl.Expr]] = {}
    for name, field in endpoint.in_edition(edition).items():
        if field.expand is None:
            always.append(_sent(field).alias(name))
        elif field.expand in shown:
            member = _optional(field, name)
            (asked if field.within is None else objects.setdefault(field.within, [])).append(member)
    for name, members in objects.items():
        inside = pl.concat_str(members).str.strip_prefix(",")
        whole = pl.concat_str(pl.lit(f',"{name}":{{'), inside, pl.lit("}"))
        asked.append(pl.when(inside != "").then(whole).otherwise(pl.lit("")))
    return pl.concat_str(pl.lit("{"), _members(*always, *extras), *asked, *raw, pl.lit("}"))


def _members(*fields: str | pl.Expr) -> pl.Expr:
    return pl.struct(*fields).struct.json_encode().str.strip_prefix("{").str.strip_suffix("}")


def _optional(field: Field, name: str) -> pl.Expr:
    member = pl.concat_str(pl.lit(","), _members(_sent(field).alias(name)))
    return pl.when(pl.col(field.name).is_not_null()).then(member).otherwise(pl.lit(""))


def _sent(field: Field) -> pl.Expr:
    """Return a column as it is sent: instants are ISO 8601 text."""
    column = pl.col(field.name)
    return column if field.dtype == field.sent_dtype else column.dt.to_string(_INSTANT)


def optional_json(column: str, name: str) -> pl.Expr:
    """Write a column of JSON texts as a member, left out where it is null."""
    member = pl.concat_str(pl.lit(f',"{name}":'), pl.col(column))
    return pl.when(pl.col(column).is_not_null()).then(member).otherwise(pl.lit(""))


@dataclass(frozen=True, slots=True)
class Written:
    """A time series that is written once; any run of its items is a slice of its bytes.

    Attributes:
        text: Every item, after a comma or, if it is the first of a bucket, after the end of the
            bucket before and the start of its own.
        ends: Where each item ends in `text`.
        buckets: The bucket of each item, as text.
        starts: When that bucket starts, in microseconds since 1970.
    """

    text: bytes | memoryview
    ends: npt.NDArray[np.int64]
    buckets: pl.Series
    starts: npt.NDArray[np.int64]

    @classmethod
    def from_lines(cls, lines: pl.DataFrame) -> Written:
        """Write a frame of `period`, `bucket` (that as text) and `item` (as JSON), in order."""
        opening = pl.concat_str(pl.lit(_CLOSE + "," + _OPEN[0]), "bucket", pl.lit(_OPEN[1]))
        goes_on = pl.col("bucket") == pl.col("bucket").shift(1)
        before = pl.when(goes_on).then(pl.lit(",")).otherwise(opening)
        text = lines.select(pl.concat_str(before, "item")).to_series()
        return cls(
            text=text.str.join("").item().encode(),
            ends=text.str.len_bytes().cast(pl.Int64).cum_sum().to_numpy(),
            buckets=lines["bucket"],
            starts=lines["period"].to_physical().to_numpy(),
        )

    def within(self, start: datetime, end: datetime) -> Written:
        """Return the buckets that start in a range, without writing them again."""
        bounds = [(bound - _EPOCH) // timedelta(microseconds=1) for bound in (start, end)]
        first, last = np.searchsorted(self.starts, bounds)
        begin = self.ends[first - 1] if first else 0
        return Written(
            text=memoryview(self.text)[begin : self.ends[last - 1] if last else 0],
            ends=self.ends[first:last] - begin,
            buckets=self.buckets[first:last],
            starts=self.starts[first:last],
        )

    def __len__(self) -> int:
        return len(self.ends)

    def cut(self, first: int, most: int) -> list[bytes | memoryview]:
        """Return up to `most` items from the one at `first`, in their buckets, as parts of JSON."""
        last = min(first + most, len(self))
        if first >= last:
            return []
        begin = self.ends[first - 1] if first else 0
        piece = memoryview(self.text)[begin : self.ends[last - 1]]
        if piece[0] == ord(","):  # the page before has the bucket's first items
            return [self.buckets[first].join(_OPEN).encode(), piece[1:], _CLOSE.encode()]
        return [piece[len(_CLOSE) + 1 :], _CLOSE.encode()]


def page(time_series: Written | None, summary: bytes | None, *, number: int, limit: int) -> bytes:
    """Write a page: up to `limit` items of the time series, and the whole summary.

    Args:
        time_series: None if the request does not ask for it.
        summary: A JSON array, or None if the request does not ask for it.
        number: The page's number, from 1. After the last page there are no items.
        limit: The most items on a page. A bucket with more is on several pages.
    """
    pieces: list[bytes | memoryview] = [b"{"]
    more = False
    if time_series is not None:
        first = (number - 1) * limit
        more = first + limit < len(time_series)
        pieces += [b'"time_series":[', *time_series.cut(first, limit), b"],"]
    if summary is not None:
        pieces += [b'"summary":', summary, b","]
    rest = {"next_cursor": cursor(number + 1) if more else None, "has_more": more}
    return b"".join([*pieces, json.dumps(rest, separators=(",", ":")).encode()[1:]])


def cursor(number: int) -> str:
    """Write a page number as a cursor.

    >>> cursor(2)
    'Mg=='
    """
    return base64.b64encode(str(number).encode()).decode()


def page_number(text: str) -> int:
    """Return a cursor's page number, or raise ValueError.

    >>> page_number("Mg==")
    2
    """
    try:
        number = int(base64.b64decode(text.encode(), validate=True))
    except (binascii.Error, ValueError) as error:
        raise ValueError(f"cursor {text!r} was not issued by this server") from error
    if cursor(number) != text or number < 1:
        raise ValueError(f"cursor {text!r} was not issued by this server")
    return number
