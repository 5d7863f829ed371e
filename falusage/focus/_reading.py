"""Read a file of FOCUS charges, typed, or reject it with the rows that break the rules.

The provider serves such files itself (`/organization/focus`); files of other providers work, too.
Text is read in the formats of the specification, and amounts never become doubles.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

import polars as pl

from falusage.columns import INSTANT
from falusage.errors import MissingColumnError, SchemaError
from falusage.focus._vocabulary import CATEGORIES, DTYPES, NEEDED

_PARQUET: Final = b"PAR1"
_SHOWN: Final = 3
_TWICE: Final = re.compile(r"(.*)_duplicated_\d+")
"""The name that Polars gives to a column that a CSV has a second time."""


def read_focus(path: str | os.PathLike[str]) -> pl.DataFrame:
    r"""Read a FOCUS Cost and Usage file: CSV, also compressed, or Parquet, of any version.

    Args:
        path: The file, such as a report of the provider (`estimate` or `invoice`), or one written
            from `to_focus`. Its content decides whether it is CSV or Parquet.

    Returns:
        Its rows and columns, in its order. Instants are Datetime("us", "UTC"), costs and
        quantities Decimal(38, 12), unit prices Float64. From a CSV every other column is text,
        and an empty cell is null. An instant without an offset is in UTC, as the specification
        defines; amounts are rounded to twelve decimals.

    Raises:
        MissingColumnError: A column that every charge needs is missing.
        SchemaError: The file is not CSV or Parquet, has a column twice, or has an invalid value;
            `failures` has the rows, with their `rules`.
        OSError: The file cannot be opened.

    Source: FOCUS 1.2, https://focus.finops.org/focus-specification/v1-2/, attributes
    Date/Time Format, Numeric Format and Null Handling.

    >>> import tempfile
    >>> text = (
    ...     "BilledCost,BillingAccountId,BillingCurrency,ChargeCategory,ChargePeriodEnd,"
    ...     "ChargePeriodStart,ServiceName\n"
    ...     "-2.5,acme,USD,Credit,2025-02-01T00:00:00Z,2025-01-01T00:00:00Z,\n"
    ... )
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder, "invoice.csv")
    ...     _ = file.write_text(text)
    ...     focus = read_focus(file)
    >>> focus.select("BilledCost", "ChargeCategory", "ServiceName").row(0)
    (Decimal('-2.500000000000'), 'Credit', None)
    """
    received = _read(path)
    for name in (*NEEDED, "ServiceName"):
        if name not in received.columns:
            raise MissingColumnError(
                name, received.columns, hint=f"{os.fspath(path)} is not a FOCUS file without it."
            )
    typed, rules = _typed(received)
    _require_valid(received.with_columns(rules.alias("rules")), path)
    return typed


def _read(path: str | os.PathLike[str]) -> pl.DataFrame:
    place = Path(os.path.realpath(path))
    with place.open("rb") as file:
        magic = file.read(len(_PARQUET))
    try:
        if magic == _PARQUET:
            return pl.read_parquet(place, glob=False, hive_partitioning=False)
        table = pl.read_csv(place, infer_schema=False, glob=False)
    except (pl.exceptions.PolarsError, OSError) as error:  # OSError: compressed, and cut short
        raise SchemaError(
            f"{os.fspath(path)} is not CSV or Parquet: {error}", failures=pl.DataFrame()
        ) from error
    for name in table.columns:
        if (twice := _TWICE.fullmatch(name)) and twice[1] in table.columns:
            raise SchemaError(
                f"{os.fspath(path)} has a column {twice[1]!r} twice; remove or rename one",
                failures=table.clear(),
            )
    return table.with_columns(
        pl.when(pl.col(pl.String).str.strip_chars() != "").then(pl.col(pl.String))
    )


def _typed(received: pl.DataFrame) -> tuple[pl.DataFrame, pl.Series]:
    """Return the typed table, and for each row the list of the rules that it breaks."""
    known = {name: dtype for name, dtype in DTYPES.items() if name in received.columns}
    typed = received.with_columns(
        _cast(name, received.schema[name], dtype) for name, dtype in known.items()
    )
    wrong = [
        pl.when(received[name].is_not_null() & typed[name].is_null()).then(
            pl.lit(f"{name}: no {'instant' if dtype == INSTANT else 'number'}")
        )
        for name, dtype in known.items()
    ]
    wrong += [pl.when(received[name].is_null()).then(pl.lit(f"{name}: null")) for name in NEEDED]
    category = received["ChargeCategory"]
    wrong.append(
        pl.when(~category.is_in(CATEGORIES)).then(
            pl.lit(f"ChargeCategory: none of {', '.join(CATEGORIES)}")
        )
    )
    order = typed["ChargePeriodStart"] > typed["ChargePeriodEnd"]
    wrong.append(pl.when(order).then(pl.lit("ChargePeriodStart: after ChargePeriodEnd")))
    return typed, received.select(pl.concat_list(wrong).list.drop_nulls()).to_series()


def _cast(name: str, found: pl.DataType, dtype: pl.DataType) -> pl.Expr:
    column = pl.col(name)
    if dtype != INSTANT:
        return column.cast(dtype, strict=False)
    if found == pl.String:
        return _instant(column.str.strip_chars())
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


def _require_valid(marked: pl.DataFrame, path: str | os.PathLike[str]) -> None:
    bad = marked.filter(pl.col("rules").list.len() > 0)
    if bad.is_empty():
        return
    counts = bad["rules"].explode().value_counts(sort=True).head(_SHOWN).rows()
    words = "; ".join(f"{rule} ({count:,})" for rule, count in counts)
    raise SchemaError(
        f"{bad.height:,} of the {marked.height:,} rows of {os.fspath(path)} are not valid FOCUS "
        f"charges: {words}; they are in this error's `failures`",
        failures=bad,
    )
