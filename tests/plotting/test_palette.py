from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.colors import to_rgb

from falusage.plotting._palette import COLORS, MORE, OTHER, colors_of, contrast, readable

# Machado, Oliveira and Fernandes (2009), severity 1.0, on linear RGB.
DEFICIENCIES = {
    "none": np.eye(3),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "tritanopia": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}


def lab(color: str, deficiency: np.ndarray) -> np.ndarray:
    """Give a colour as such an eye sees it, in CIELAB under D65."""
    srgb = np.array(to_rgb(color))
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    to_xyz = np.array(
        [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    )
    x, y, z = np.cbrt(to_xyz @ np.clip(deficiency @ linear, 0, 1) / [0.95047, 1, 1.08883])
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("deficiency", DEFICIENCIES)
def test_every_eye_tells_the_colors_apart(deficiency: str) -> None:
    """Any two colours, and grey, differ by 14 in CIELAB for each kind of colour vision."""
    seen = [lab(color, DEFICIENCIES[deficiency]) for color in (*COLORS, *MORE, OTHER)]
    assert min(float(np.linalg.norm(a - b)) for a, b in combinations(seen, 2)) > 14


@given(st.lists(st.text(), max_size=len(COLORS), unique=True))
def test_names_have_colors_of_their_own(names: list[str]) -> None:
    """As long as there are colours, no two names share one, and only palette colours are used."""
    found = colors_of(names)
    assert names == list(found)
    assert len(set(found.values())) == len(names)
    assert set(found.values()) <= set(COLORS)


@given(st.lists(st.text(), max_size=len(COLORS + MORE), unique=True))
def test_twenty_names_have_colors_of_their_own(names: list[str]) -> None:
    """What comes once the first seven are taken is no colour that stands for another name."""
    assert len(set(colors_of(names).values())) == len(names)


@given(st.lists(st.text(), min_size=1, max_size=60, unique=True))
def test_the_first_name_keeps_its_color(names: list[str]) -> None:
    """A name that comes first has the colour that it has alone; all are used evenly."""
    found = colors_of(names)
    assert colors_of(names[:1])[names[0]] == found[names[0]]
    uses = [list(found.values()).count(color) for color in (*COLORS, *MORE)]
    assert max(uses) - min(uses) <= 1


def test_colors_are_the_same_everywhere() -> None:
    """A name's colour is a fact that reports of last year rely on."""
    assert colors_of(["acme-ml-team"]) == {"acme-ml-team": "#3f90da"}
    assert colors_of(["fal-ai/flux/dev"]) == {"fal-ai/flux/dev": "#ffa90e"}


def test_given_colors_stand() -> None:
    """A colour that is given is kept, for names that are not drawn too, and not given twice."""
    given_ = {"a": COLORS[0], "b": "hotpink"}
    found = colors_of(["b", "c", "d", "e", "f", "g", "h"], given_)
    assert found["a"] == COLORS[0]
    assert found["b"] == "hotpink"
    assert COLORS[0] not in [found[name] for name in "cdefgh"]


@pytest.mark.parametrize("color", [*COLORS, *MORE, OTHER])
@pytest.mark.parametrize("paper", [(1.0, 1.0, 1.0), (0.0, 0.0, 0.0)])
def test_text_in_a_color_can_be_read(color: str, paper: tuple[float, float, float]) -> None:
    """Text in any colour has the contrast that WCAG asks, on white and on black paper."""
    ink = (1 - paper[0],) * 3
    assert contrast(readable(to_rgb(color), ink=ink, paper=paper), paper) >= 4.5
