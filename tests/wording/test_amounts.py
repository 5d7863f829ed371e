"""Money is written to the cent, and never with a digit that is not known."""

from __future__ import annotations

import math
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from falusage._wording.money import amount, band, short_amount
from falusage._wording.numbers import figure, number, percent


@given(st.decimals(min_value=-(10**25), max_value=10**25, places=2))
def test_a_decimal_is_written_exactly(value: Decimal) -> None:
    """Whatever its size: reading it back gives the same."""
    assert value == Decimal(figure(value).replace(",", ""))


@given(st.floats(min_value=-1e26, max_value=1e26))
def test_a_double_is_written_as_far_as_it_is_known(value: float) -> None:
    """To the cent, to the unit, or back to the very double where even its units are not known."""
    written = figure(value)
    read = Decimal(written.replace(",", ""))
    if abs(value) < 2**46:
        assert abs(read - Decimal(repr(value))) <= Decimal("0.005")
        assert "." in written
    elif abs(value) < 2**53:
        assert abs(read - Decimal(repr(value))) <= Decimal("0.5")
        assert "." not in written
    else:
        assert value == float(written)
        assert len(written.partition("e")[0].strip("-").replace(".", "")) <= 17


@given(st.integers(min_value=-(10**13), max_value=10**13))
def test_a_double_and_a_decimal_are_written_alike(cents: int) -> None:
    """Of one amount, all columns round the same way."""
    value = Decimal(cents) / 1000
    assert figure(value) == figure(float(value))


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (0.005, "<0.01 USD"),
        (Decimal("0.004"), "<0.01 USD"),
        (-0.001, ">-0.01 USD"),
        (-0.0, "0.00 USD"),
        (Decimal("-0.000"), "0.00 USD"),
        (math.nan, "-"),
        (math.inf, "-"),
        (None, "-"),
        (1e16, "1e+16 USD"),
        (Decimal(10**16) + Decimal("0.01"), "10,000,000,000,000,000.01 USD"),
    ],
)
def test_amounts_at_the_ends(value: float | Decimal | None, written: str) -> None:
    """An amount is never nothing, nothing never has a sign, and no number is none."""
    assert written == amount(value, "USD")


@pytest.mark.parametrize(
    ("value", "currency", "written"),
    [
        (1234.5, "JPY", "1,234 JPY"),
        (0.5, "JPY", "<1 JPY"),
        (-0.3, "JPY", ">-1 JPY"),
        (0, "JPY", "0 JPY"),
        (1234.5678, "KWD", "1,234.568 KWD"),
        (0.0005, "KWD", "<0.001 KWD"),
        (Decimal("10000000000000000.0015"), "KWD", "10,000,000,000,000,000.002 KWD"),
        (2.0**44, "KWD", "17,592,186,044,416 KWD"),
        (0.00006, "CLF", "0.0001 CLF"),
        (1.5, "CHF", "1.50 CHF"),
        (1.5, "not a code", "1.50 not a code"),
    ],
)
def test_amounts_have_the_minor_unit_of_their_currency(
    value: float | Decimal, currency: str, written: str
) -> None:
    """A yen has no parts, a dinar a thousand; a code that is not known has two decimals."""
    assert written == amount(value, currency)


@given(st.floats(1e-9, 1e12), st.sampled_from(["USD", "JPY", "KWD", "CLF"]))
def test_nothing_spent_is_the_only_zero(value: float, currency: str) -> None:
    """Wherever an amount is written, one that is not zero has a digit that is not zero."""
    for written in (amount(value, currency), short_amount(value, currency)):
        assert set(written) & set("123456789")


def test_other_numbers_have_no_digits_made_up() -> None:
    """Intervals, percentages and quantities follow the same rule."""
    assert "1e+17 – 1.2e+18" == band(1e17, 1.2e18, "USD")
    assert "<0.01 – <0.01" == band(0.0001, 0.004, "USD")
    assert "0.00 – 0.01" == band(0.0, 0.006, "USD")
    assert "-" == band(1.0, None, "USD")
    assert "1e+20%" == percent(1e18)
    assert "123,456,789,012 1e+17" == f"{number(123_456_789_012)} {number(1e17)}"
