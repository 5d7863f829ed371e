"""A frame as data for other programs: JSON records and CSV.

Both are yielded in parts, so that the text of the whole table is never in memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import polars as pl

_PART: Final = 50_000
_RUN_BY_SPREADSHEETS: Final = r"^([=+\-@\t\r])"
_ISO: Final = "%Y-%m-%dT%H:%M:%S%.f%:z"


def json_text(frame: pl.DataFrame) -> Iterator[str]:
    """Yield a frame as a JSON list of records, one on each line; instants are ISO 8601 text.

    >>> frame = pl.DataFrame({"team": ["a", "b"], "cost": [0.5, 2.0]})
    >>> print("".join(json_text(frame)), end="")
    [
    {"team":"a","cost":0.5},
    {"team":"b","cost":2.0}
    ]
    """
    yield "["
    before = "\n"
    for part in _with_iso_instants(frame).iter_slices(_PART):
        yield before + part.write_ndjson().removesuffix("\n").replace("\n", ",\n")
        before = ",\n"
    yield "\n]\n"


def data_text(frame: pl.DataFrame, form: str) -> Iterator[str]:
    """Yield a frame as `"json"` or `"csv"`; Decimals are written as numbers, not as text."""
    plain = frame.with_columns(pl.col(pl.Decimal).cast(pl.Float64))
    return (json_text if form == "json" else csv_text)(plain)


def csv_text(frame: pl.DataFrame) -> Iterator[str]:
    """Yield a frame as CSV with a header; instants are ISO 8601 text, nulls are empty.

    Text that starts with one of = + - @, a tab or a carriage return gets a ' before it, because a
    spreadsheet would run it as a formula. Numbers have all their digits.

    >>> print("".join(csv_text(pl.DataFrame({"team": ["=1+1", "b"], "cost": [0.5, -2.0]}))), end="")
    team,cost
    '=1+1,0.5
    b,-2.0
    """
    texts = _with_iso_instants(frame)
    texts = texts.with_columns(pl.col(pl.String).str.replace(_RUN_BY_SPREADSHEETS, "'${1}")).rename(
        lambda name: f"'{name}" if name[:1] in tuple("=+-@\t\r") else name
    )
    yield texts.clear().write_csv()
    for part in texts.iter_slices(_PART):
        yield part.write_csv(include_header=False)


def _instants(frame: pl.DataFrame) -> list[str]:
    return [name for name, dtype in frame.schema.items() if isinstance(dtype, pl.Datetime)]


def _with_iso_instants(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(pl.col(_instants(frame)).dt.to_string(_ISO))
