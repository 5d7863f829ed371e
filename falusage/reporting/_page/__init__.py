"""The page as HTML. The template engine escapes every value.

The content security policy of the page allows its own style and script, by their hashes, and
nothing else, so that nothing in a name can run or load.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import re
from collections.abc import Sequence
from dataclasses import replace
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

from falusage.errors import MissingExtraError
from falusage.reporting._blocks import Drawing, Section, Table
from falusage.reporting._sentences import Screen

if TYPE_CHECKING:
    from jinja2 import Environment, Template
    from markupsafe import Markup

_STYLES: Final = ("report.css", "filter.css")
_SCRIPTS: Final = (
    "vendor/d3.js",
    *("data.js", "bridge.js", "wording.js", "tables.js", "pictures.js", "events.js", "view.js"),
    *("saving.js", "detail.js", "filter.js", "start.js"),
)
"""What the script is made of, in this order."""

_COMMENT: Final = re.compile(r"^ *(/\*(?! d3\n).*?\*/|//[^\n]*)\n", re.MULTILINE | re.DOTALL)
_INDENT: Final = re.compile(r"^ +", re.MULTILINE)


def html(
    *,
    title: str,
    screen: Screen,
    sections: Sequence[Section],
    made: str,
    daily: str | None,
) -> str:
    """Return the page as text.

    Args:
        title: The title.
        screen: The first screen.
        sections: The sections below it.
        made: What made the page.
        daily: What `daily_data` returned; None for a page without filters and details.

    Raises:
        MissingExtraError: The template engine is not installed.
    """
    from markupsafe import Markup

    shown = [_shown(section) for section in sections]
    style, script = page_style(), page_script()
    return template().render(
        title=title,
        screen=screen,
        sections=shown,
        made=made,
        bar="" if daily is None else filter_bar(),
        filtered="" if daily is None else filtered(daily),
        style=Markup(style),  # noqa: S704 - a file of this package
        script=Markup(script),  # noqa: S704 - as above
        style_hash=_hash(style),
        script_hash=_hash(script),
    )


def _shown(section: Section) -> dict[str, Any]:
    """Return a section as the template reads it: drawings drawn, bars of blocks left out."""
    from falusage.reporting._pictures import picture

    blocks: list[object] = []
    for block in section.blocks:
        if isinstance(block, Drawing):
            blocks.append(picture(block.draw))
        elif isinstance(block, Table):
            kept = [column for column in block.columns if not column.drawn]
            blocks.append(replace(block, columns=kept, totals=block.totals[: len(kept)]))
        else:
            blocks.append(block)
    return {"anchor": section.anchor, "title": section.title, "blocks": blocks}


def page_style() -> str:
    """Return the style of the page."""
    return "\n".join(map(_part, _STYLES))


def page_script() -> str:
    """Return the script of the page: the files of `_SCRIPTS` as one function, which keeps names."""
    files = "\n".join(_lean(_part(name)) for name in _SCRIPTS)
    return f'"use strict";\n(() => {{\n{files}\n}})();\n'


def _lean(script: str) -> str:
    """Return a script without indentation and without comments, but for notices of licences."""
    return _INDENT.sub("", _COMMENT.sub("", script))


def filter_bar() -> Markup:
    """Return the form with which readers filter, hidden until the script has read the data.

    It stands between the header and `<main id="answer">`.
    """
    from markupsafe import Markup

    return Markup(_part("filter.html"))  # noqa: S704 - a file of this package


def filtered(data: str) -> Markup:
    """Return the place of the filtered answer and of details, and the data behind them.

    It stands after `<main id="answer">` and before the script.

    Args:
        data: What `daily_data` returned.
    """
    from markupsafe import Markup

    block = Markup('<script type="application/octet-stream" id="daily">{}</script>\n')
    return Markup(_part("filtered.html")) + block.format(data)  # noqa: S704 - as above


def environment() -> Environment:
    """Return the template engine: it escapes every value, and raises if a value is missing."""
    try:
        from jinja2 import Environment, StrictUndefined
    except ImportError as error:
        raise MissingExtraError("report", need="An HTML report") from error
    options: dict[str, Any] = {"trim_blocks": True, "lstrip_blocks": True}
    return Environment(autoescape=True, undefined=StrictUndefined, **options)


@functools.cache
def template() -> Template:
    """Return the template of the page, which takes longer to compile than to fill in."""
    return environment().from_string(_part("report.html.jinja"))


def _part(name: str) -> str:
    return resources.files(__name__).joinpath(name).read_text("utf-8")


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
