from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import matplotlib as mpl
import numpy as np
import polars as pl
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from hypothesis import given
from hypothesis import strategies as st
from matplotlib import pyplot as plt
from matplotlib.font_manager import fontManager

import falusage as fu
from falusage.errors import MissingGlyphWarning
from falusage.plotting._labels import shown, spread
from falusage.plotting._lettering import _family_with, glyphs, legible
from falusage.plotting._style import read_look

TIBETAN, THIRD = "\N{TIBETAN LETTER KA}", "\N{TIBETAN LETTER KHA}"
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
        look = read_look(ax)
    names = [TIBETAN, THIRD, "\u200b", "plain"]
    with pytest.warns(MissingGlyphWarning, match="TIBETAN LETTER KA"):
        found = shown(names, ax, look, part=0.3)
    assert list(found.values()) == ["□", "□ #2", "(blank)", "plain"]


@pytest.fixture
def tibetan(tmp_path: Path) -> Iterator[str]:
    """An installed font that has one letter which no other font here has."""
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder([".notdef", "ka"])
    builder.setupCharacterMap({ord(TIBETAN): "ka"})
    pen = TTGlyphPen(None)
    pen.moveTo((0, 0))
    pen.lineTo((0, 500))
    pen.lineTo((500, 0))
    pen.closePath()
    builder.setupGlyf({".notdef": TTGlyphPen(None).glyph(), "ka": pen.glyph()})
    builder.setupHorizontalMetrics({".notdef": (600, 0), "ka": (600, 0)})
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": "Test Tibetan", "styleName": "Regular"})
    builder.setupOS2()
    builder.setupPost()
    builder.save(tmp_path / "tibetan.ttf")
    known = list(fontManager.ttflist)
    fontManager.addfont(tmp_path / "tibetan.ttf")
    _family_with.cache_clear()
    yield "Test Tibetan"
    fontManager.ttflist[:] = known
    _family_with.cache_clear()


def test_a_font_with_the_glyphs_is_looked_for(tibetan: str) -> None:
    """A letter that the user's fonts lack is drawn in an installed font that has it."""
    frame = pl.DataFrame(
        {"username": [f"{TIBETAN} team"], "currency": "USD", "cost": 1.0, "share": 1.0}
    )
    ax = fu.plot_share(frame)
    (name,) = (text for text in ax.texts if TIBETAN in text.get_text())
    assert tibetan in name.get_fontfamily()
    ax.figure.canvas.draw()  # matplotlib would warn of a missing glyph, and a warning is an error
