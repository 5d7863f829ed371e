"""A file of budgets is read exactly, or the message names the line, the cell and the form."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

import falusage as fu
from falusage.cli._amounts import read_budgets, require_askable

PLAIN = "username,currency,budget\nads,USD,20000\nlabs,EUR,12.50\n"
EXPECTED = pl.DataFrame(
    {"username": ["ads", "labs"], "currency": ["USD", "EUR"], "budget": [20000.0, 12.5]}
)


def written(tmp_path: Path, content: str | bytes) -> Path:
    """Write a file of budgets."""
    path = tmp_path / "budgets.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize(
    "content",
    [
        PLAIN,
        "\ufeff" + PLAIN,
        PLAIN.replace("\n", "\r\n"),
        PLAIN + "\n\n",
        PLAIN + ",,\n",
        PLAIN.replace("username", "team"),
        PLAIN.replace("currency,budget", " currency , budget"),
        PLAIN.replace("20000", " 20000.0 "),
        PLAIN.replace("20000", "2e4"),
        PLAIN.replace("ads", '"ads"'),
    ],
)
def test_what_can_mean_one_thing_only_is_read(tmp_path: Path, content: str) -> None:
    """A mark of UTF-8, the line ends of Windows, empty lines, and blanks around titles."""
    assert_frame_equal(EXPECTED, read_budgets(written(tmp_path, content)))


def test_names_are_kept_letter_by_letter(tmp_path: Path) -> None:
    """Blanks, commas and line ends within quotes are part of a name."""
    read = read_budgets(written(tmp_path, 'team,currency,budget\n"ads ",USD,1\n"a,\nb",USD,2\n'))
    assert ["ads ", "a,\nb"] == read["username"].to_list()


@pytest.mark.parametrize(
    ("content", "line", "said"),
    [
        ("", 1, "the file is empty"),
        (PLAIN.encode("utf-16"), 1, "UTF-16"),
        (PLAIN.encode("utf-16-le"), 1, "UTF-16"),
        (PLAIN.replace("labs", "müller").encode("latin-1"), 3, "'müller' is not UTF-8"),
        (PLAIN.replace("ads", "€").encode("cp1252"), 2, "save it again as 'CSV UTF-8'"),
        (PLAIN.replace(",", ";"), 1, "has semicolons; expected commas"),
        (PLAIN.replace(",", "\t"), 1, "has tabs; expected commas"),
        (PLAIN.replace("budget", "amount"), 1, "'amount' may be it: call it 'budget'"),
        (PLAIN.replace("budget", "Budget"), 1, "'Budget' may be it"),
        (PLAIN.replace("budget", "budget (USD)"), 1, "'budget (USD)' may be it"),
        ("username,budget\nads,1\n", 1, "no title 'currency' among 'username', 'budget'"),
        ("ads,USD,20000\n", 1, "no title 'currency'"),
        ("username,currency,budget,budget\nads,USD,1,2\n", 1, "'budget' is there twice"),
        (PLAIN.replace("20000", "20,000"), 2, "'20,000' may be one amount"),
        (PLAIN.replace("20000", '"20,000"'), 2, "the budget is '20,000'"),
        (PLAIN.replace("20000", '"20000,50"'), 2, "decimal comma"),
        (PLAIN.replace("20000", "20.000"), 2, "write 20000 or 20.00"),
        (PLAIN.replace("20000", '"20.000,00"'), 2, "the budget is '20.000,00'"),
        (PLAIN.replace("20000", "20'000"), 2, "thousands mark"),
        (PLAIN.replace("20000", "20 000"), 2, "the budget is '20 000'"),
        (PLAIN.replace("20000", "20\u00a0000"), 2, "thousands mark"),
        (PLAIN.replace("20000", "20_000"), 2, "thousands mark"),
        (PLAIN.replace("20000", "$20000"), 2, "without currency"),
        (PLAIN.replace("12.50", "12.50 €"), 3, "the budget is '12.50 €'"),
        (PLAIN.replace("20000", "-5"), 2, "the budget is '-5'"),
        (PLAIN.replace("20000", "inf"), 2, "the budget is 'inf'"),
        (PLAIN.replace("20000", "nan"), 2, "the budget is 'nan'"),
        (PLAIN.replace("20000", ""), 2, "the budget is ''"),
        (PLAIN.replace("20000", "much"), 2, "expected a number"),
        (PLAIN.replace("ads", ""), 2, "the username is empty"),
        (PLAIN.replace("EUR", "€"), 3, "the currency is '€'; expected three letters, as USD. Did"),
        (PLAIN.replace("EUR", ""), 3, "the currency is empty"),
        (PLAIN.replace("labs,", "labs,x,"), 3, "4 cells below 3 titles"),
        ("username,currency,budget\nads,USD\n", 2, "2 cells below 3 titles"),
        ('username,currency,budget\n"ads,USD,1\n', 2, "line 2"),
    ],
)  # fmt: skip
def test_another_form_is_named(
    run, tmp_path: Path, content: str | bytes, line: int, said: str
) -> None:
    """Before anything is loaded, here from nowhere; exit code 2."""
    path = written(tmp_path, content)
    with pytest.raises(fu.QueryError, match=f"budgets.csv, line {line}: ") as caught:
        read_budgets(path)
    assert said in str(caught.value)

    code, out, err = run("forecast", "--base-url", "http://127.0.0.1:1", "--budgets", str(path))
    assert (2, "") == (code, out)
    assert str(caught.value).replace("\n", "?") in err.replace("\n", "?")


def test_what_a_forecast_would_reject_is_rejected_before(tmp_path: Path) -> None:
    """Columns that no usage table has, and budgets that are there twice."""
    twice = read_budgets(written(tmp_path, "team,currency,budget\nads,USD,1\nads,USD,2\n"))
    with pytest.raises(fu.QueryError, match="twice"):
        require_askable(twice, ("username",), saved=False)
    with pytest.raises(fu.MissingColumnError, match="Did you mean 'username'"):
        require_askable(None, ("team",), saved=False)
    with pytest.raises(fu.QueryError, match="'username', which is not in by"):
        require_askable(twice.head(1), (), saved=True)
    require_askable(None, (), saved=False)
    require_askable(twice.head(1), ("username",), saved=False)
    require_askable(None, ("project",), saved=True)
