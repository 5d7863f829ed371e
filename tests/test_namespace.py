"""What `usage.fal` promises: every transform, as a method, on both kinds of frame."""

from __future__ import annotations

import inspect
import subprocess
import sys

import polars as pl
import pytest
from polars.testing import assert_frame_equal

import falusage as fu
from falusage import transforms

USAGE = pl.DataFrame({"username": ["ads", "labs"], "cost": [3.0, 1.0], "currency": "USD"})


@pytest.mark.parametrize("usage", [USAGE, USAGE.lazy()])
def test_a_method_is_the_function(usage: pl.DataFrame | pl.LazyFrame) -> None:
    """The same answer, of the same kind."""
    got = usage.fal.cost_share(by="username")  # pyright: ignore -- invisible to type checkers
    expected = usage.pipe(fu.cost_share, by="username")

    assert type(expected) is type(got)
    assert_frame_equal(expected, got)


def test_every_transform_is_there_and_no_other_name() -> None:
    """With its docstring, and its signature without the frame."""
    fal = USAGE.fal

    assert set(transforms.__all__) <= set(dir(fal))
    for name in transforms.__all__:
        assert getattr(transforms, name).__doc__ == getattr(fal, name).__doc__
    assert "by" in inspect.signature(fal.cost_share).parameters
    with pytest.raises(
        AttributeError, match=r"'cost_shares'.* mean 'cost_share'\? There are: allocate"
    ):
        _ = fal.cost_shares


def test_it_is_registered_by_the_import_alone_and_again_in_silence() -> None:
    """Importing twice, as notebooks and reloads do, warns of nothing and loads no transform."""
    code = """
import sys, falusage, polars as pl
assert not [name for name in sys.modules if name.startswith("falusage.transforms")]
for name in [name for name in sys.modules if name.startswith("falusage")]:
    del sys.modules[name]
import falusage
frame = pl.DataFrame({"cost": [1.0], "currency": ["USD"]})
assert frame.fal.rollup().rows() == [("USD", 1.0)]
assert frame.lazy().fal.rollup().collect().rows() == [("USD", 1.0)]
"""
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)  # noqa: S603 - our own
