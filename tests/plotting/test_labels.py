from __future__ import annotations

from itertools import pairwise

import matplotlib as mpl
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib import pyplot as plt

from falusage.plotting._labels import shown, spread
from falusage.plotting._lettering import glyphs, legible
from falusage.plotting._style import read_look

PLACES = st.lists(st.floats(0, 100), min_size=1, max_size=9).map(sorted)


@given(PLACES)
def test_spread_keeps_apart_and_in_bounds(wanted: list[float]) -> None:
    """Places come out in order, a gap apart, within the bounds."""
    found = spread(wanted, gap=10, low=0, high=100)
    assert len(found) == len(wanted)
    assert all(b - a >= 10 - 1e-9 for a, b in pairwise(found))
    assert found[0] >= -1e-9
    assert found[-1] <= 100 + 1e-9


@given(PLACES, st.integers(0, 2**32 - 1))
def test_spread_moves_as_little_as_can_be(wanted: list[float], seed: int) -> None:
    """No other places that are apart and in bounds are nearer to what was wanted."""
    found = np.array(spread(wanted, gap=5, low=0, high=100))
    slack = 100 - 5 * (len(wanted) - 1)
    rivals = np.sort(np.random.default_rng(seed).uniform(0, slack, (200, len(wanted))), axis=1)
    rivals = rivals + 5 * np.arange(len(wanted))
    nearer = found + 0.01 * (rivals - found)  # the allowed places are convex
    cost = ((found - wanted) ** 2).sum()
    assert (((nearer - wanted) ** 2).sum(axis=1) >= cost - 1e-9).all()


def test_spread_leaves_alone_what_is_apart() -> None:
    """Places that are apart already stay."""
    assert spread([1.0, 20.0, 90.0], gap=10, low=0, high=100) == [1.0, 20.0, 90.0]


def test_spread_shares_what_room_there_is() -> None:
    """Where the bounds cannot hold the gaps, places stand evenly in between."""
    assert spread([5.0] * 5, gap=50, low=0, high=100) == [0, 25, 50, 75, 100]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("🚀 launch", ":rocket: launch"),
        ("👩\u200d🚀", ":woman::rocket:"),
        ("a\nb\tc", "a b c"),
        ("中文", "□□"),
        ("safe\u202eevil", "safeevil"),
    ],
)
def test_legible(text: str, expected: str) -> None:
    """What the font lacks is said in words or boxes, and nothing turns the text around."""
    assert expected == legible(text, set(range(32, 127)))


def test_glyphs_follow_the_readers_fonts() -> None:
    """The fonts that count are those of the reader's settings, also where one is missing."""
    assert ord("é") in glyphs()
    assert ord("🚀") not in glyphs()
    with mpl.rc_context({"font.family": ["No Such Font", "DejaVu Sans Mono"]}):
        assert ord("é") in glyphs()


def test_shown_names_are_unlike() -> None:
    """Names that read the same once they are legible are numbered, and none is empty."""
    with mpl.rc_context({"font.family": "DejaVu Sans"}):
        _, ax = plt.subplots(figsize=(9, 4.5))
    names = ["中", "文", "\u200b", "plain"]
    found = shown(names, ax, read_look(ax), part=0.3)
    assert list(found.values()) == ["□", "□ #2", "(blank)", "plain"]
