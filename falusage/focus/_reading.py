"""Read FOCUS charges, typed, or reject them with the cells that break the rules.

The provider serves such a report itself (`load_focus`); files of other providers work, too. Which
columns it has is not published. So the few that every charge needs are checked strictly, and all
others are kept. Amounts never become doubles.
"""

from __future__ import annotations

import gzip
import os
import zlib
from pathlib import Path
from typing import Final

import polars as pl

from falusage.columns import INSTANT, MONEY
from falusage.errors import FalUsageWarning, MissingColumnError, SchemaError, warn
from falusage.focus._csv import Cells
from falusage.focus._vocabulary import CATEGORIES, DTYPES, NEEDED

_PARQUET: Final = b"PAR1"
_GZIP: Final = b"\x1f\x8b"
_COLUMNS: Final = (*NEEDED, "ServiceName")
_NUMBER: Final = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"
_INSTANT: Final = (
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?(Z|[+-][0-9]{2}:?[0-9]{2})?)?$"
)
_EXPECTED: Final[dict[pl.DataType, str]] = {
    INSTANT: "an instant in ISO 8601, such as 2025-06-01T00:00:00Z, or a date, such as 2025-06-01",
    MONEY: "a number with a decimal point, without thousands separators or a currency, such as "
    "1234.56",
}
_FORMS: Final = {
    **dict.fromkeys(NEEDED, "text"),
    **{name: _EXPECTED.get(dtype, _EXPECTED[MONEY]) for name, dtype in DTYPES.items()},
    "BillingCurrency": "three capital letters, such as USD",
    "ChargeCategory": f"one of {', '.join(CATEGORIES)}",
}
"""What each checked column has."""


def read_focus(path: str | os.PathLike[str]) -> pl.DataFrame:
    r"""Read a FOCUS Cost and Usage file: CSV, also compressed with gzip, or Parquet.

    Args:
        path: The file, such as a report of the provider (`estimate` or `invoice`), or one written
            from `to_focus`. Its content decides whether it is CSV or Parquet.

    Returns:
        Its rows and columns, in its order. Instants are Datetime("us", "UTC"), costs and
        quantities Decimal(38, 12), unit prices Float64. From a CSV every other column is text,
        and a cell that is empty or says `NULL` is null. An instant without an offset is in UTC,
        as the specification defines; amounts are rounded to twelve decimals. If a column that
        not every charge needs has a cell of another form, such as a list price `on request`, the
        whole column stays as it is in the file.

    Warns:
        FalUsageWarning: A column stays as it is; the message names its first such cell.

    Raises:
        MissingColumnError: A column that every charge needs is missing.
        SchemaError: The file is not CSV or Parquet, or has an invalid value. The message names
            the line, the cell and what is expected; `failures` has the rows, with their `rules`.
        OSError: The file cannot be opened.

    Source: FOCUS 1.2, https://focus.finops.org/focus-specification/v1-2/, attributes
    Date/Time Format, Numeric Format and Null Handling.

    >>> import tempfile
    >>> text = (
    ...     "BilledCost,BillingAccountId,BillingCurrency,ChargeCategory,ChargePeriodEnd,"
    ...     "ChargePeriodStart,ServiceName\n"
    ...     "-2.5,acme,USD,Credit,2025-02-01T00:00:00Z,2025-01-01T00:00:00Z,NULL\n"
    ... )
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder, "invoice.csv")
    ...     _ = file.write_text(text)
    ...     focus = read_focus(file)
    >>> focus.select("BilledCost", "ChargeCategory", "ServiceName").row(0)
    (Decimal('-2.500000000000'), 'Credit', None)
    """
    where, place = os.fspath(path), Path(os.path.realpath(path))
    with place.open("rb") as file:
        magic = file.read(len(_PARQUET))
    if magic == _PARQUET:
        return _checked(*_parquet(place, where), where)
    body = place.read_bytes()
    if magic.startswith(_GZIP):
        try:
            body = gzip.decompress(body)
        except (OSError, EOFError, zlib.error) as error:
            raise SchemaError(
                f"{where} is compressed, and cut short or damaged: {error}", failures=pl.DataFrame()
            ) from error
    return read_report(body, where)


def read_report(body: bytes, where: str) -> pl.DataFrame:
    """Return the charges of a CSV; see `read_focus`.

    Args:
        body: The CSV.
        where: What messages call it: the path of a file, or of the endpoint that sent it.
    """
    return _checked(*Cells(body, where, _COLUMNS).rows(), where)


def _parquet(place: Path, where: str) -> tuple[pl.DataFrame, pl.Series]:
    """Return the rows of a Parquet file, and their numbers."""
    try:
        table = pl.read_parquet(place, glob=False, hive_partitioning=False)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise SchemaError(f"{where} is not Parquet: {error}", failures=pl.DataFrame()) from error
    for name in _COLUMNS:
        if name not in table.columns:
            hint = f"{where} is not a FOCUS file without it."
            raise MissingColumnError(name, table.columns, hint=hint)
    return table, pl.int_range(1, table.height + 1, dtype=pl.UInt32, eager=True).alias("row")


def _checked(received: pl.DataFrame, places: pl.Series, where: str) -> pl.DataFrame:
    """Return the typed table.

    Args:
        received: The cells.
        places: The number of each row, named after what it counts: lines, or rows.
        where: What messages call the file.

    Raises:
        SchemaError: A cell that every charge needs is invalid.
    """
    known = {name: dtype for name, dtype in DTYPES.items() if name in received.columns}
    typed = received.with_columns(
        _cast(name, received.schema[name], dtype) for name, dtype in known.items()
    )
    broken = {name: received[name].is_not_null() & typed[name].is_null() for name in known}
    rules = [
        *(_rule(name, broken[name]) for name in NEEDED if name in known),
        _rule(
            "BillingCurrency",
            ~received["BillingCurrency"].cast(pl.String).str.contains("^[A-Z]{3}$"),
        ),
        _rule("ChargeCategory", ~received["ChargeCategory"].cast(pl.String).is_in(CATEGORIES)),
        *(
            pl.when(received[name].is_null()).then(
                pl.lit(f"{name} is empty; expected {_FORMS[name]}")
            )
            for name in NEEDED
        ),
        pl.when(typed["ChargePeriodStart"] > typed["ChargePeriodEnd"]).then(
            pl.lit("ChargePeriodStart is after ChargePeriodEnd; expected it before")
        ),
    ]
    marked = received.with_columns(pl.concat_list(rules).list.drop_nulls().alias("rules"), places)
    _require_valid(marked, where, places.name)
    for name in known:
        if name not in NEEDED and broken[name].any():
            (at,), (cell,) = (
                column.filter(broken[name]).head(1) for column in (places, received[name])
            )
            warn(
                f"{where}, {places.name} {at:,}: {name} is {cell!r}; expected {_FORMS[name]}. The "
                "column stays as it is in the file",
                FalUsageWarning,
            )
            typed = typed.with_columns(received[name])
    return typed


def _rule(name: str, broken: pl.Series) -> pl.Expr:
    found = pl.format(f"{name} is '{{}}'; expected {_FORMS[name]}", pl.col(name).cast(pl.String))
    return pl.when(broken).then(found)


def _require_valid(marked: pl.DataFrame, where: str, place: str) -> None:
    bad = marked.filter(pl.col("rules").list.len() > 0)
    if bad.is_empty():
        return
    first = bad.row(0, named=True)
    raise SchemaError(
        f"{where}, {place} {first[place]:,}: {first['rules'][0]} (invalid are {bad.height:,} of "
        f"the {marked.height:,} rows; they are in this error's `failures`)",
        failures=bad.select(place, pl.exclude(place)),
    )


def _cast(name: str, found: pl.DataType, dtype: pl.DataType) -> pl.Expr:
    column = pl.col(name)
    if found == pl.String:
        text = column.str.strip_chars()
        form = _INSTANT if dtype == INSTANT else _NUMBER
        text = pl.when(text.str.contains(form)).then(text)
        return _instant(text) if dtype == INSTANT else text.cast(dtype, strict=False)
    if dtype != INSTANT:
        return column.cast(dtype, strict=False)
    if found == pl.Date:
        return column.cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    if not isinstance(found, pl.Datetime):
        return pl.lit(None, dtype=INSTANT).alias(name)
    column = column.dt.cast_time_unit("us")
    if found.time_zone is None:
        return column.dt.replace_time_zone("UTC")
    return column.dt.convert_time_zone("UTC")


def _instant(text: pl.Expr) -> pl.Expr:
    iso = text.str.replace(r"^(\d{4}-\d{2}-\d{2}) ", "${1}T")
    iso = pl.when(iso.str.contains("T")).then(iso).otherwise(iso + "T00:00")
    zoned = pl.when(iso.str.contains(r"(Z|[+-]\d{2}:?\d{2})$")).then(iso).otherwise(iso + "Z")
    return pl.coalesce(
        zoned.str.to_datetime(form, time_unit="us", time_zone="UTC", strict=False)
        for form in ("%Y-%m-%dT%H:%M:%S%.f%#z", "%Y-%m-%dT%H:%M%#z")
    )
