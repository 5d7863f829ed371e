"""A small page over daily sums, for the tests of filters and details; and what a tab says."""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from datetime import date
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from falusage.reporting._page import environment, filter_bar, filtered, page_script, page_style
from falusage.reporting._page.daily import daily_data

if TYPE_CHECKING:
    from playwright.sync_api import Page

TEMPLATE: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; \
style-src '{{ style_hash }}'; script-src '{{ script_hash }}'; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
<title>What fal cost</title><style>{{ style }}</style></head>
<body><header><h1>What fal cost</h1></header>
{{ bar }}
<main id="answer" data-unfiltered><h2>Teams</h2><table><caption>Cost by team</caption>
<thead><tr><th scope="col"><button type="button">team</button></th></tr></thead>
<tbody>{% for cell in cells %}
<tr><td{% for name, value in cell.items() %} {{ name }}="{{ value }}"{% endfor %}>\
{{ cell["data-name"] }}</td></tr>{% endfor %}
</tbody></table></main>
{{ filtered }}
<script>{{ script }}</script></body></html>
"""


def page(daily: pl.DataFrame, *, start: date, end: date, **given: Any) -> str:
    """Return a page with a filter over daily sums, whose own answer is a list of teams."""
    from markupsafe import Markup

    from falusage.reporting._page import _hash

    script, style = page_script(), page_style()
    cells: list[Mapping[str, str]] = [
        {"data-kind": "username", "data-name": json.dumps(name)}
        for name in daily["username"].unique().sort()
    ]
    return (
        environment()
        .from_string(TEMPLATE)
        .render(
            style=Markup(style),  # noqa: S704 - files of the package
            script=Markup(script),  # noqa: S704 - as above
            style_hash=_hash(style),
            script_hash=_hash(script),
            bar=filter_bar(),
            filtered=filtered(daily_data(daily, start=start, end=end, **given)),
            cells=cells,
        )
    )


@contextmanager
def listening(tab: Page) -> Generator[list[str]]:
    """Yield what a tab logs, the errors of its scripts, and the addresses that it asks for."""
    said: list[str] = []
    listeners = {
        "console": lambda message: said.append(message.text),
        "pageerror": lambda error: said.append(str(error)),
        "request": lambda request: said.append(request.url),
    }
    for event, listener in listeners.items():
        tab.on(event, listener)
    yield said
    for event, listener in listeners.items():
        tab.remove_listener(event, listener)
