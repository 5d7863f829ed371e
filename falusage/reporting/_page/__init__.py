"""The page as HTML. The template engine escapes every value.

The content security policy of the page allows its own style and script, by their hashes, and
nothing else, so that nothing in a name can run or load.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import replace
from importlib import resources
from typing import TYPE_CHECKING, Any

from falusage.errors import MissingExtraError
from falusage.reporting._blocks import Drawing, Section, Table
from falusage.reporting._sentences import Screen

if TYPE_CHECKING:
    from jinja2 import Environment


def html(
    *,
    title: str,
    screen: Screen,
    sections: Sequence[Section],
    made: str,
) -> str:
    """Return the page as text.

    Raises:
        MissingExtraError: The template engine is not installed.
    """
    from markupsafe import Markup

    shown = [_shown(section) for section in sections]
    style, script = _part("report.css"), _part("report.js")
    return (
        environment()
        .from_string(_part("report.html.jinja"))
        .render(
            title=title,
            screen=screen,
            sections=shown,
            made=made,
            style=Markup(style),  # noqa: S704 - a file of this package
            script=Markup(script),  # noqa: S704 - as above
            style_hash=_hash(style),
            script_hash=_hash(script),
        )
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


def environment() -> Environment:
    """Return the template engine: it escapes every value, and raises if a value is missing."""
    try:
        from jinja2 import Environment, StrictUndefined
    except ImportError as error:
        raise MissingExtraError("report", need="An HTML report") from error
    options: dict[str, Any] = {"trim_blocks": True, "lstrip_blocks": True}
    return Environment(autoescape=True, undefined=StrictUndefined, **options)


def _part(name: str) -> str:
    return resources.files(__name__).joinpath(name).read_text("utf-8")


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
