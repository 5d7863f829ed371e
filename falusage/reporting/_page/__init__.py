"""The page as markup: a template that escapes what it is given, and forbids itself the network.

Style and script are the page's own, named by their hashes in its content security policy, so that
nothing else runs or loads, whatever a name holds. The template engine escapes every value.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from importlib import resources
from typing import TYPE_CHECKING, Any

from falusage.errors import MissingExtraError
from falusage.reporting._blocks import Section

if TYPE_CHECKING:
    from jinja2 import Environment


def html(
    *,
    title: str,
    span: str,
    timezone: str,
    totals: Sequence[str],
    sections: Sequence[Section],
    made: str,
) -> str:
    """Give the whole page as text.

    Raises:
        MissingExtraError: The template engine is not installed.
    """
    from markupsafe import Markup

    style, script = _part("report.css"), _part("report.js")
    return (
        environment()
        .from_string(_part("report.html.jinja"))
        .render(
            title=title,
            span=span,
            timezone=timezone,
            totals=totals,
            sections=sections,
            made=made,
            style=Markup(style),  # noqa: S704 - a file of this package
            script=Markup(script),  # noqa: S704 - as above
            style_hash=_hash(style),
            script_hash=_hash(script),
        )
    )


def environment() -> Environment:
    """Give the template engine: it escapes all, and refuses a name that it was not given."""
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
