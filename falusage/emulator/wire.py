"""Line items and pages as JSON, written column by column.

Numbers are written by Polars as the shortest text that reads back as the same double. Fields
that the contract calls optional are left out where the table holds null.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from typing import Final

import polars as pl

from falusage import columns

_STRUCTURED: Final = {
    "auth_detail": "detail",
    "api_key_id": "api_key_id",
    "login_username": "login_username",
}


def items(shown: Sequence[str] = (), extras: Sequence[str] = ()) -> pl.Expr:
    """Write each row of a frame of line items as a JSON object.

    Args:
        shown: The columns of `columns.AUTH` to write; null is left out.
        extras: Further columns to write as fields of their own names; null is written.

    Returns:
        A String expression.

    >>> row = dict(username="a", product="compute", endpoint_id="b", unit="second", quantity=2.0,
    ...            unit_price=0.1, cost=0.2, currency="USD", auth_detail="k", api_key_id=None)
    >>> print(pl.DataFrame(row).select(items(shown=["auth_detail", "api_key_id"])).item())
    {"username":"a","product":"compute","endpoint_id":"b","unit":"second","quantity":2.0,\
"unit_price":0.1,"cost":0.2,"currency":"USD","auth_method_structured":{"detail":"k"}}
    """
    written = [_members(*columns.ITEM, *extras)]
    if "auth_method" in shown:
        written.append(_optional("auth_method", "auth_method"))
    if inner := [_optional(name, _STRUCTURED[name]) for name in shown if name in _STRUCTURED]:
        held = pl.concat_str(inner).str.strip_prefix(",")
        whole = pl.concat_str(pl.lit(',"auth_method_structured":{'), held, pl.lit("}"))
        written.append(pl.when(held != "").then(whole).otherwise(pl.lit("")))
    return pl.concat_str(pl.lit("{"), *written, pl.lit("}"))


def _members(*fields: str | pl.Expr) -> pl.Expr:
    return pl.struct(*fields).struct.json_encode().str.strip_prefix("{").str.strip_suffix("}")


def _optional(column: str, field: str) -> pl.Expr:
    member = pl.concat_str(pl.lit(","), _members(pl.col(column).alias(field)))
    return pl.when(pl.col(column).is_not_null()).then(member).otherwise(pl.lit(""))


def page(
    time_series: pl.DataFrame | None, summary: pl.DataFrame | None, *, number: int, limit: int
) -> bytes:
    """Write a page: `limit` items of the time series from the page's place, and the summary whole.

    Args:
        time_series: Columns `bucket` and `item`, in order, or None where it is not asked for.
        summary: Column `item`, or None where it is not asked for.
        number: The page's number, from 1. Past the last page there are no items.
        limit: The most items on a page. A bucket with more stands on several pages.
    """
    parts: list[str] = []
    after = None
    if time_series is not None:
        first = min((number - 1) * limit, time_series.height)
        after = cursor(number + 1) if first + limit < time_series.height else None
        buckets = (
            time_series.slice(first, limit)
            .group_by("bucket", maintain_order=True)
            .agg(pl.col("item").str.join(","))
            .select(
                pl.concat_str(
                    pl.lit('{"bucket":"'), "bucket", pl.lit('","results":['), "item", pl.lit("]}")
                ).str.join(",")
            )
        )
        parts.append(f'"time_series":[{buckets.item()}]')
    if summary is not None:
        parts.append(f'"summary":[{summary["item"].str.join(",").item()}]')
    parts.append(f'"next_cursor":{json.dumps(after)},"has_more":{json.dumps(after is not None)}')
    return ("{" + ",".join(parts) + "}").encode()


def cursor(number: int) -> str:
    """Write a page number as a cursor.

    >>> cursor(2)
    'Mg=='
    """
    return base64.b64encode(str(number).encode()).decode()


def page_number(text: str) -> int:
    """Read a cursor's page number, or raise ValueError.

    >>> page_number("Mg==")
    2
    """
    try:
        number = int(base64.b64decode(text.encode(), validate=True))
    except (binascii.Error, ValueError) as error:
        raise ValueError(f"cursor {text!r} is not one that this server gave out") from error
    if cursor(number) != text or number < 1:
        raise ValueError(f"cursor {text!r} is not one that this server gave out")
    return number
