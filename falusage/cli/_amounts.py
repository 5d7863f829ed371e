"""Files of amounts, budgets or known costs, checked cell by cell before anything is loaded.

They are CSV in UTF-8, with commas, a line of titles, and amounts as `20000` or `20000.50`. Any
other form is an error and is never guessed: `20.000` is twenty in one country and twenty thousand
in another.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

from falusage._suggestions import closest, did_you_mean
from falusage._wording.names import TITLES

if TYPE_CHECKING:
    import polars as pl

    from falusage.api.load import UsageLoad
    from falusage.cli._saved import Saved

_COLUMNS: Final = {shown: column for column, shown in TITLES.items()}
"""The columns by the titles of printed tables, such as team."""


@dataclass(frozen=True, slots=True)
class _Form:
    """What a file is expected to hold.

    Attributes:
        amount: The title of the amounts.
        needed: The titles that must be there.
        shown: An example, as the message shows it.
    """

    amount: str
    needed: tuple[str, ...]
    shown: str


_BUDGETS: Final = _Form(
    "budget",
    ("currency", "budget"),
    "a line of titles such as username,currency,budget, then lines such as ads,USD,20000",
)
_KNOWN: Final = _Form(
    "cost",
    ("period", "currency", "cost"),
    "a line of titles such as period,currency,cost, then lines such as 2025-07-01,USD,20000",
)
_NUMBER: Final = re.compile(r"[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]+)?")
_EITHER: Final = re.compile(r"[1-9][0-9]{0,2}\.[0-9]{3}")
"""Twenty with three decimals, or twenty thousand."""
_CURRENCY: Final = re.compile(r"[A-Za-z]{3}")
_SEPARATORS: Final = {";": "semicolons", "\t": "tabs", "|": "bars"}
_UTF_16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def read_budgets(path: Path) -> pl.DataFrame:
    """Read a CSV of budgets: text, and the column `budget` as Float64.

    A byte order mark, spaces around titles and amounts, and empty lines are ignored.

    Args:
        path: The file. The titles `team` and `endpoint` mean `username` and `endpoint_id`.

    Returns:
        The file's columns in its order, one row for each line that is not empty.

    Raises:
        QueryError: The file is of another form; the message names the line, the cell and the
            form that was expected.
    """
    return _read(path, _BUDGETS)


def read_known(path: Path) -> pl.DataFrame:
    """Read a CSV of known costs: text, `period` as Date, and `cost` as Float64.

    Raises:
        QueryError: The file is of another form, as for `read_budgets`.
    """
    import polars as pl

    return _read(path, _KNOWN).with_columns(pl.col("period").str.strip_chars().str.to_date())


def _read(path: Path, form: _Form) -> pl.DataFrame:
    import polars as pl

    from falusage.errors import QueryError

    if not path.exists():
        raise QueryError(f"no file {path}; expected a .csv with {form.shown}")
    lines = _lines(_text(path), path, form)
    titles = _titles(lines, path, form)
    rows: list[list[str]] = []
    for number, cells in lines[1:]:
        if len(cells) != len(titles):
            _refuse_width(path, number, cells, titles, form)
        for title, cell in zip(titles, cells, strict=True):
            _require_cell(path, number, title, cell, form)
        rows.append(cells)
    read = pl.DataFrame(rows, schema=dict.fromkeys(titles, pl.String), orient="row")
    return read.with_columns(pl.col(form.amount).str.strip_chars().cast(pl.Float64))


def warn_of_unmatched(usage: UsageLoad | Saved, budgets: pl.DataFrame) -> bool:
    """Warn of budgets that match nothing in a table; return whether there are any."""
    from falusage.transforms.budgets import budget_columns, unmatched
    from falusage.transforms.budgets import warn_of_unmatched as warn

    group = (*budget_columns(budgets), "currency")
    there = usage.usage.lazy().select(group).unique().collect()
    warn(budgets, there, group)
    return not unmatched(budgets, there, group).is_empty()


def require_askable(budgets: pl.DataFrame | None, by: Sequence[str], *, saved: bool) -> None:
    """Raise, before anything is loaded, if a forecast would reject columns or budgets.

    Args:
        budgets: What `read_budgets` returned, or None.
        by: The columns that make a series.
        saved: Whether the table is a snapshot or a store, which may have other columns.

    Raises:
        MissingColumnError: A column is not in the table.
        QueryError: A budget is there twice, or has a column that is not in `by`.
    """
    import polars as pl

    from falusage.columns import USAGE
    from falusage.transforms import budget_status

    if saved and not set(by) <= set(USAGE):
        return  # this is known once the table is read
    nothing = dict.fromkeys((*by, "currency"), pl.String)
    limits = pl.DataFrame(schema=nothing | {"budget": pl.Float64}) if budgets is None else budgets
    # Only a plan: columns and budgets are checked, and nothing is computed.
    budget_status(pl.LazyFrame(schema=USAGE), limits, by=by, month="2025-01", as_of="2025-01-01")


def _text(path: Path) -> str:
    content = path.read_bytes()
    if content.startswith(_UTF_16) or b"\0" in content:
        _refuse(path, 1, "the file is UTF-16, as a spreadsheet's 'Unicode text' is", _SAVE_AS)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        cells = content.splitlines()[line - 1].decode("cp1252", "replace")
        cell = next(
            (each for each in re.split(r"[,;\t]", cells) if not each.isascii()), cells
        ).strip()
        _refuse(path, line, f"the cell {cell!r} is not UTF-8 but an older encoding", _SAVE_AS)


_SAVE_AS: Final = "expected UTF-8: save it again as 'CSV UTF-8'"


def _lines(text: str, path: Path, form: _Form) -> list[tuple[int, list[str]]]:
    """Return the lines that are not empty, each with its number and its cells."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        found = [
            (reader.line_num, cells) for cells in reader if any(cell.strip() for cell in cells)
        ]
    except csv.Error as error:
        _refuse(path, reader.line_num, str(error), 'expected a quote as "" within a quoted cell')
    if not found:
        _refuse(path, 1, "the file is empty", f"expected {form.shown}")
    return found


def _titles(lines: list[tuple[int, list[str]]], path: Path, form: _Form) -> list[str]:
    """Return the names of the columns, checked."""
    number, cells = lines[0]
    titles = [cell.strip() for cell in cells]
    if len(titles) == 1:
        for sign, word in _SEPARATORS.items():
            if sign in titles[0]:
                _refuse(path, number, f"the line {titles[0]!r} has {word}", "expected commas")
    titles = [
        name if (name := _COLUMNS.get(title)) and name not in titles else title for title in titles
    ]
    for needed in form.needed:
        if needed not in titles:
            near = closest(needed, [each for each in titles if each != "currency"])
            guess = "" if near is None else f"; the title {near!r} may be it: call it {needed!r}"
            said = ", ".join(map(repr, titles))
            _refuse(
                path, number, f"no title {needed!r} among {said}{guess}", f"expected {form.shown}"
            )
    for title in titles:
        if not title:
            _refuse(path, number, "a title is empty", f"expected {form.shown}")
        if titles.count(title) > 1:
            _refuse(path, number, f"the title {title!r} is there twice", "expected each once")
    return titles


def _refuse_width(
    path: Path, number: int, cells: list[str], titles: list[str], form: _Form
) -> NoReturn:
    at = titles.index(form.amount)
    parted = len(cells) > len(titles) and ",".join(cells[at : at + len(cells) - len(titles) + 1])
    said = f"{len(cells)} cells below {len(titles)} titles: {','.join(cells)!r}"
    if parted and re.search(r"\d,\d", parted):
        said += f"; {parted!r} may be one amount"
    _refuse(path, number, said, f"expected {','.join(titles)}, and amounts as 20000.50")


def _require_cell(path: Path, number: int, title: str, cell: str, form: _Form) -> None:
    if title == form.amount:
        said = f"the {title} is {cell!r}"
        plain = cell.strip()
        if _EITHER.fullmatch(plain):
            whole, thousandths = plain.split(".")
            mend = f"{whole}{thousandths} or {whole}.{thousandths[:2]}"
            _refuse(
                path, number, f"{said}, which means two amounts in two countries", f"write {mend}"
            )
        if not _NUMBER.fullmatch(plain):
            _refuse(
                path,
                number,
                said,
                "expected a number without currency, thousands mark or decimal comma, as 20000.50",
            )
        return
    if not cell.strip():
        _refuse(path, number, f"the {title} is empty", f"write whose {form.amount} it is")
    if title == "period" and not _is_date(cell.strip()):
        _refuse(path, number, f"the period is {cell!r}", "expected a day, as 2025-07-01")
    if title == "currency" and not _CURRENCY.fullmatch(cell):
        _refuse(
            path,
            number,
            f"the currency is {cell!r}",
            f"expected three letters, as USD.{did_you_mean(cell, ('USD', 'EUR', 'GBP', 'JPY'))}",
        )


def _is_date(cell: str) -> bool:
    try:
        return date.fromisoformat(cell).isoformat() == cell
    except ValueError:
        return False


def _refuse(path: Path, line: int, what: str, mend: str) -> NoReturn:
    from falusage.errors import QueryError

    raise QueryError(f"{path}, line {line}: {what}; {mend}")
