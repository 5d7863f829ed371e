from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from falusage._wording.money import SYMBOLS, mark, short_amount
from falusage._wording.names import short_names, shorten
from falusage._wording.numbers import short_percent


@pytest.mark.parametrize(
    ("amount", "currency", "expected"),
    [
        (0, "USD", "$0"),
        (1, "USD", "$1"),
        (0.05, "USD", "$0.05"),
        (0.5, "USD", "$0.50"),
        (0.126, "USD", "$0.13"),
        (2.5, "USD", "$2.50"),
        (0.1 + 0.2, "USD", "$0.30"),
        (0.6851, "EUR", "€0.69"),
        (0.0679, "EUR", "€0.07"),
        (0.0042, "EUR", "<€0.01"),
        (-0.0042, "EUR", ">−€0.01"),
        (0.2, "JPY", "<¥1"),
        (57.4, "JPY", "¥57"),
        (99.6, "JPY", "¥100"),
        (5, "KWD", "KWD 5"),
        (57.4321, "KWD", "KWD 57.432"),
        (0.0005, "KWD", "<KWD 0.001"),
        (57.43, "EUR", "€57.43"),
        (57.0, "EUR", "€57"),
        (57.001, "EUR", "€57.00"),
        (99.94, "USD", "$99.94"),
        (99.996, "USD", "$100"),
        (999.4, "USD", "$999"),
        (999.6, "USD", "$1.00k"),
        (1200, "USD", "$1.2k"),
        (1200.5, "USD", "$1.20k"),
        (999_999, "USD", "$1.00M"),
        (3e6, "EUR", "€3M"),
        (2.5e9, "GBP", "£2.5B"),
        (7e12, "JPY", "¥7T"),
        (4.2e16, "JPY", "¥42,000T"),
        (1500, "CNY", "CN¥1.5k"),
        (1500, "CHF", "CHF 1.5k"),
        (-1500, "EUR", "−€1.5k"),
        (-0.0, "USD", "$0"),
        (float("inf"), "USD", "-"),
    ],
)
def test_money(amount: float, currency: str, expected: str) -> None:
    """An amount has its minor unit or three digits, its scale and its currency."""
    assert expected == short_amount(amount, currency)


def test_an_axis_has_no_amount_that_does_not_exist() -> None:
    """Half a cent and half a yen have a line, and no text."""
    assert ["$0", "", "$0.01", "$0.25"] == [mark(value, "USD") for value in (0, 5e-3, 0.01, 0.25)]
    assert ["¥0", "", "¥1", "¥2.5k"] == [mark(value, "JPY") for value in (0, 0.5, 1, 2500)]


def test_no_two_currencies_look_alike() -> None:
    """No symbol stands for two currencies, so that yen are never read as yuan."""
    assert len(set(SYMBOLS.values())) == len(SYMBOLS)


@given(st.floats(1, 1e15))
def test_money_is_right_to_half_a_percent(amount: float) -> None:
    """What is written, read back, is the amount to three digits."""
    text = short_amount(amount, "USD").removeprefix("$").replace(",", "")
    scale = {"k": 1e3, "M": 1e6, "B": 1e9, "T": 1e12}.get(text[-1], 1)
    assert float(text.rstrip("kMBT")) * scale == pytest.approx(amount, rel=5.1e-3)


@pytest.mark.parametrize(
    ("share", "expected"),
    [(0, "0%"), (1e-9, "<1%"), (0.01, "1%"), (0.5, "50%"), (0.995, ">99%"), (1, "100%")],
)
def test_percent(share: float, expected: str) -> None:
    """A small share is not written as none, nor a large one as all."""
    assert expected == short_percent(share)


def test_percent_of_nothing() -> None:
    """A share of a total of zero is a dash."""
    assert "-" == short_percent(float("nan"))


@given(st.text(max_size=60), st.integers(3, 40))
def test_shorten_fits(name: str, width: int) -> None:
    """A shortened name fits its width and keeps both ends; one that fits stays as it is."""
    short = shorten(name, width)
    assert len(short) <= width
    if len(name) <= width:
        assert name == short
    elif "…" not in name:
        head, _, tail = short.partition("…")
        assert head
        assert name.startswith(head)
        assert name.endswith(tail)


@given(st.sets(st.text("ab/", min_size=5, max_size=20), max_size=20))
def test_short_names_stay_apart(names: set[str]) -> None:
    """Two names never become one by being shortened."""
    assert len(set(short_names(names, 6).values())) == len(names)
