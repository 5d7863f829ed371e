"""Pictures in tests are drawn off screen and closed.

`pytest --mpl tests/plotting` compares the pictures with those in `baseline`; after a change that
was meant, `pytest --mpl-generate-path=tests/plotting/baseline tests/plotting` draws them anew: look
at each before committing it. Fonts are the DejaVu Sans that comes with matplotlib.
"""

from __future__ import annotations

from collections.abc import Iterator

import matplotlib as mpl
import pytest

mpl.use("Agg")


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    from matplotlib import pyplot as plt

    plt.close("all")
