"""What a notebook shows of a load: what it is, what was wrong, how far it is; never the key."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

import falusage as fu

KEY = "key-id-7f3a:key-secret-91bc"


@pytest.fixture(scope="module")
def emulator() -> Any:
    """Two days of the sample, behind a key of our own."""
    usage = fu.sample_usage(start="2025-06-01", end="2025-06-03", every="1d").usage
    with fu.Emulator(usage, api_key=KEY) as running:
        yield running


def test_a_load_shows_its_receipt_and_its_table(emulator: fu.Emulator) -> None:
    """Escaped, with the quarantine where there is one, and without the key."""
    with fu.UsageClient(KEY, base_url=emulator.base_url) as client:
        load = client.load(fu.UsageQuery("2025-06-01", "2025-06-03", timeframe="day"))
        shown = [repr(client), repr(emulator)]
    page = load._repr_html_()
    assert f"<li>{load.usage.height} rows from 2025-06-01T00:00:00+00:00" in page
    assert "endpoint_id" in page
    assert "quarantine" not in page
    bad = pl.DataFrame({"username": ["<script>"], "rules": [["cost: below zero"]]})
    with_bad = fu.UsageLoad(load.usage, bad, load.receipt)._repr_html_()
    assert "In quarantine:" in with_bad
    assert "<script>" not in with_bad
    assert "&lt;script&gt;" in with_bad
    for text in (page, with_bad, load.receipt._repr_html_(), repr(load), *shown):
        assert "key-secret" not in text
        assert "key-id" not in text


def test_jupyter_shows_a_load_its_receipt_and_its_coverage(emulator: fu.Emulator) -> None:
    """Each as HTML beside its text, which other notebooks ask for in the same way."""
    from IPython.core.formatters import DisplayFormatter

    with fu.UsageClient(KEY, base_url=emulator.base_url) as client:
        load = client.load(fu.UsageQuery("2025-06-01", "2025-06-03", timeframe="day"))
    shown = [DisplayFormatter().format(what)[0] for what in (load.receipt, load.coverage, load)]

    assert ["<ul>", "<tab", "<ul>"] == [each["text/html"][:4] for each in shown]
    assert ["Receipt(", "Coverage", "UsageLoa"] == [each["text/plain"][:8] for each in shown]


def test_an_error_shows_its_rows() -> None:
    """The message and the rows that made it so, both escaped."""
    rows = pl.DataFrame({"username": ["<b>bold</b>"], "cost": [-1.0]})
    for kind in (fu.SchemaError, fu.ReconciliationError):
        page = kind("1 < 2 rows", failures=rows)._repr_html_()
        assert page.startswith(f"<p>{kind.__name__}: 1 &lt; 2 rows</p>")
        assert "&lt;b&gt;bold" in page
        assert "<b>bold" not in page


@pytest.mark.slow
def test_a_notebook_shows_progress_on_long_loads_only() -> None:
    """A kernel's streams are no terminals, but somebody looks: after a second, not before."""
    import nbformat
    from nbclient import NotebookClient

    code = """
import time
from falusage.api.progress import Progress
bar = Progress(shown=True, total=4, title="usage")
time.sleep({wait})
bar.advance(2, rows=5000)
bar.advance(1, rows=7500)
"""
    cells = [nbformat.v4.new_code_cell(code.format(wait=wait)) for wait in (0.0, 1.2)]
    book = nbformat.v4.new_notebook(cells=cells)
    NotebookClient(book, timeout=300).execute()
    short, long = ("".join(str(out) for out in cell.outputs) for cell in book.cells)
    assert "" == short
    assert "usage" in long
    assert "buckets" in long
