"""Frames and records as data for other programs: JSON and CSV.

Frames are yielded in parts, so that the text of the whole table is never in memory. Numbers have
all their digits, also those of Decimals.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Final

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
    return _json_text([frame])


def data_text(frame: pl.DataFrame, form: str) -> Iterator[str]:
    """Yield a frame as `"json"` or `"csv"`."""
    return parts_text([frame], form)


def parts_text(parts: Iterable[pl.DataFrame], form: str) -> Iterator[str]:
    """Yield the parts of a frame, which may be generated, as `data_text` yields the whole."""
    return (_json_text if form == "json" else _csv_text)(parts)


def csv_text(frame: pl.DataFrame) -> Iterator[str]:
    """Yield a frame as CSV with a header; instants are ISO 8601 text, nulls are empty.

    Text that starts with one of = + - @, a tab or a carriage return gets a ' before it, because a
    spreadsheet would run it as a formula. Numbers have all their digits.

    >>> print("".join(csv_text(pl.DataFrame({"team": ["=1+1", "b"], "cost": [0.5, -2.0]}))), end="")
    team,cost
    '=1+1,0.5
    b,-2.0
    """
    return _csv_text([frame])


def _json_text(parts: Iterable[pl.DataFrame]) -> Iterator[str]:
    yield "["
    before = "\n"
    for whole in parts:
        decimals = [re.escape(json.dumps(name, ensure_ascii=False)) for name in _decimals(whole)]
        # A quote within a text is escaped, so only a name and its value look like this.
        quoted = re.compile(rf'(?<=[{{,])({"|".join(decimals)}):"([-0-9.]+)"')
        for part in _plain_decimals(_with_iso_instants(whole)).iter_slices(_PART):
            text = part.write_ndjson().removesuffix("\n").replace("\n", ",\n")
            yield before + (quoted.sub(r"\1:\2", text) if decimals else text)
            before = ",\n"
    yield "\n]\n"


def _csv_text(parts: Iterable[pl.DataFrame]) -> Iterator[str]:
    is_first = True
    for whole in parts:
        texts = _with_iso_instants(whole)
        texts = texts.with_columns(
            pl.col(pl.String).str.replace(_RUN_BY_SPREADSHEETS, "'${1}")
        ).rename(lambda name: f"'{name}" if name[:1] in tuple("=+-@\t\r") else name)
        texts = _plain_decimals(texts)  # after the texts: a negative amount is a number
        if is_first:
            yield texts.clear().write_csv()
        is_first = False
        for part in texts.iter_slices(_PART):
            yield part.write_csv(include_header=False)


def record_text(record: Mapping[str, Any]) -> str:
    """Return a record as a JSON object, one member on each line; instants are ISO 8601 text.

    >>> print(record_text({"store": "kept", "cost": Decimal("0.500")}), end="")
    {
     "store": "kept",
     "cost": 0.5
    }
    """
    return _json(record, "\n") + "\n"


def flat(records: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    """Return records as a frame; lists and objects become JSON text.

    >>> flat([{"path": "/keys", "fields": ["a", "b"]}]).row(0)
    ('/keys', '["a", "b"]')
    """
    plain = [
        {
            name: _json(value, "") if isinstance(value, Mapping | list | tuple) else value
            for name, value in record.items()
        }
        for record in records
    ]
    return pl.DataFrame(plain, infer_schema_length=None)


def _json(value: Any, line: str) -> str:
    """Return a value as JSON; each member of an object or a list is on a line of its own."""
    inner = line and f"{line} "
    if isinstance(value, Mapping):
        found = [f"{_json(str(name), '')}: {_json(each, inner)}" for name, each in value.items()]
        signs = "{}"
    elif isinstance(value, list | tuple):
        found = [_json(each, inner) for each in value]
        signs = "[]"
    elif isinstance(value, Decimal):
        return _digits(value)
    elif isinstance(value, date):  # and datetime
        return f'"{value.isoformat()}"'
    else:
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    separator = f",{inner}" if inner else ", "
    return f"{signs[0]}{inner}{separator.join(found)}{line}{signs[1]}" if found else signs


def _digits(value: Decimal) -> str:
    return f"{value.normalize():f}"


def _decimals(frame: pl.DataFrame) -> list[str]:
    return [name for name, dtype in frame.schema.items() if isinstance(dtype, pl.Decimal)]


def _plain_decimals(frame: pl.DataFrame) -> pl.DataFrame:
    """Return a frame with its Decimals as text without needless zeros."""
    text = pl.col(_decimals(frame)).cast(pl.String)
    needless = text.str.strip_chars_end("0").str.strip_chars_end(".")
    return frame.with_columns(
        pl.when(text.str.contains(".", literal=True)).then(needless).otherwise(text).name.keep()
    )


def _instants(frame: pl.DataFrame) -> list[str]:
    return [name for name, dtype in frame.schema.items() if isinstance(dtype, pl.Datetime)]


def _with_iso_instants(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(pl.col(_instants(frame)).dt.to_string(_ISO))
