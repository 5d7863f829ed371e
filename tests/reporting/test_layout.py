"""Tables keep to the width, their numbers whole, and names cannot steer the terminal."""

from __future__ import annotations

from decimal import Decimal

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from falusage.reporting.columns import Cell, Column, amounts, texts
from falusage.reporting.layout import lay_out, usage_table

WORDS = st.lists(
    st.text(st.characters(codec="ascii", categories=["L", "N"]), max_size=40),
    min_size=1,
    max_size=5,
)


@given(WORDS, st.integers(min_value=24, max_value=120))
def test_a_table_keeps_to_its_width(words: list[str], width: int) -> None:
    """Names are cut and optional columns go, but a number is never cut."""
    numbers = [f"{10**place:,}.00 USD" for place in range(len(words))]
    columns = [
        Column("team", [Cell(word) for word in words], shrinks=True),
        texts("cost", numbers, numeric=True),
        texts("note", words, optional=True),
    ]

    lines = list(lay_out(columns, width=width))

    assert all(len(line) <= width for line in lines)
    assert all(number in line for number, line in zip(numbers, lines[1:], strict=True))


def test_optional_columns_return_where_there_is_room() -> None:
    """What was left out at 40 columns is there at any width."""
    columns = [
        Column("team", [Cell("a" * 30)], shrinks=True),
        texts("product", ["b" * 20], optional=True),
        texts("cost", ["1.00 USD"], numeric=True),
    ]

    assert "product" not in next(lay_out(columns, width=40))
    assert "product" in next(lay_out(columns))


def test_control_characters_are_not_printed(usage: pl.DataFrame) -> None:
    """A name from the API with an escape in it is text, not a command to the terminal."""
    hostile = usage.with_columns(username=pl.lit("a\x1b[2J\r\nb"))

    lines = list(usage_table(hostile))

    assert len(lines) == usage.height + 1
    assert all("a?[2J??b" in line for line in lines[1:])
    assert not any(sign in line for line in lines for sign in "\x1b\r\n")


def test_buckets_are_shown_in_the_zone_that_was_asked(usage: pl.DataFrame) -> None:
    """Midnight UTC is the evening before in New York."""
    assert "2025-05-01  " in list(usage_table(usage))[1]
    assert "2025-04-30 20:00" in list(usage_table(usage, timezone="America/New_York"))[1]


def test_callers_are_shown_where_they_were_asked_for(usage: pl.DataFrame) -> None:
    """The column is there only if the table has any."""
    assert "caller" not in next(usage_table(usage))
    assert "caller" in next(usage_table(usage.with_columns(auth_method=pl.lit("my-key"))))


def test_an_amount_reads_the_same_whatever_it_was_summed_in() -> None:
    """Half a cent of a double and of a Decimal would else be rounded to different cents."""
    frame = pl.DataFrame(
        {"double": [48.045], "decimal": [Decimal("48.045")], "currency": ["USD"]},
        schema_overrides={"decimal": pl.Decimal(38, 12)},
    )
    double, decimal = (amounts(frame, name).cells for name in ("double", "decimal"))
    assert [cell.text for cell in double] == [cell.text for cell in decimal]


def test_rows_that_differ_only_in_their_price_show_it(usage: pl.DataFrame) -> None:
    """Otherwise a line item at two prices looks like one that is there twice."""
    assert " price " not in next(usage_table(usage))

    twice = pl.concat([usage, usage.with_columns(pl.col("unit_price") * 2)])

    assert " price " in next(usage_table(twice))
