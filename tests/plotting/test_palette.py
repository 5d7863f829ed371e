from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.colors import to_rgb

import falusage as fu
from falusage.plotting._palette import COLORS, OTHER, colors_of, contrast, readable

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
    """Return a colour as such an eye sees it, in CIELAB under D65."""
    srgb = np.array(to_rgb(color))
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    to_xyz = np.array(
        [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    )
    x, y, z = np.cbrt(to_xyz @ np.clip(deficiency @ linear, 0, 1) / [0.95047, 1, 1.08883])
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("deficiency", DEFICIENCIES)
def test_every_eye_tells_the_colors_apart(deficiency: str) -> None:
    """Any two colours, and grey, differ by 13 in CIELAB, and by 21 for most people."""
    seen = [lab(color, DEFICIENCIES[deficiency]) for color in (*COLORS, OTHER)]
    nearest = min(float(np.linalg.norm(a - b)) for a, b in combinations(seen[:-1], 2))
    assert nearest > (21 if deficiency == "none" else 13)
    assert min(float(np.linalg.norm(seen[-1] - color)) for color in seen[:-1]) > 13


@pytest.mark.parametrize("paper", ["#ffffff", "#14181c"])
def test_every_color_stands_out_from_the_page(paper: str) -> None:
    """The contrast of each colour is 2.5, in light and in dark mode."""
    assert min(contrast(to_rgb(color), to_rgb(paper)) for color in COLORS) >= 2.45


@pytest.mark.slow
@given(st.lists(st.text(), unique=True), st.data())
def test_a_name_has_one_color_whoever_else_is_there(names: list[str], data: st.DataObject) -> None:
    """A colour follows from the name alone: any part of the names, in any order, has the same."""
    found = colors_of(names)
    part = data.draw(st.permutations(names).map(lambda some: some[: len(some) // 2]))
    assert names == list(found)
    assert {name: found[name] for name in part} == colors_of(part)
    assert set(found.values()) <= set(COLORS)


def test_names_use_all_colors() -> None:
    """A thousand names have every colour, and none has more than twice its share."""
    found = list(colors_of(f"team-{place}" for place in range(1000)).values())
    assert set(COLORS) == set(found)
    assert max(map(found.count, COLORS)) < 2 * 1000 / len(COLORS)


def test_colors_are_the_same_everywhere() -> None:
    """A name's colour is a fact that reports of last year rely on."""
    assert {"acme-ml-team": "#cc0c30"} == colors_of(["acme-ml-team"])
    assert {"fal-ai/flux/dev": "#b49c3c"} == colors_of(["fal-ai/flux/dev"])


def test_given_colors_stand() -> None:
    """A colour that is given replaces the name's own, and changes no other name."""
    names = ["b", "c", "d"]
    assert colors_of(names) | {"b": "hotpink"} == colors_of(names, {"a": "teal", "b": "hotpink"})


def test_a_color_that_is_none_is_an_error() -> None:
    """The message names the name, and shows what a colour looks like."""
    with pytest.raises(fu.QueryError, match=r"colors\['growth'\] is 'reddish'.*teal"):
        colors_of(["growth"], {"growth": "reddish"})


@pytest.mark.parametrize("color", [*COLORS, OTHER])
@pytest.mark.parametrize("paper", [(1.0, 1.0, 1.0), (0.0, 0.0, 0.0)])
def test_text_in_a_color_can_be_read(color: str, paper: tuple[float, float, float]) -> None:
    """Text in any colour has the contrast that WCAG asks, on white and on black paper."""
    ink = (1 - paper[0],) * 3
    assert contrast(readable(to_rgb(color), ink=ink, paper=paper), paper) >= 4.5
