"""Find what is wrong in a built site: links that lead nowhere, and what is loaded from elsewhere.

The generator checks the links of the pages it reads. This reads the pages it wrote: those of the
reference, pictures, styles and scripts, too.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

# Elements that load what they name, and the attribute with its address. An `a` is a plain link.
_LOADS: Final = {
    ("img", "src"),
    ("script", "src"),
    ("link", "href"),
    ("iframe", "src"),
    ("source", "src"),
    ("source", "srcset"),
    ("video", "src"),
    ("object", "data"),
}
_NOT_LOADED: Final = {"canonical", "next", "prev", "alternate"}  # of a `link`: names of pages


class _Page(HTMLParser):
    """The anchors of a page, and the addresses in it with whether it loads them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.addresses: list[tuple[str, bool]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = {name: value or "" for name, value in attrs}
        self.anchors |= {named[name] for name in ("id", "name") if name in named}
        for name, value in named.items():
            loads = (tag, name) in _LOADS and named.get("rel") not in _NOT_LOADED
            if loads or (tag, name) == ("a", "href"):
                self.addresses.append((value, loads))


def problems(site: Path) -> Iterator[str]:
    """Yield a line for each problem of a site, whose pages are in a folder."""
    for file in sorted(site.rglob("*.html")):
        if file.name == "404.html":  # its addresses begin at the root of a server
            continue
        for address, loads in _read(file).addresses:
            if found := _problem(file, address, loads=loads, site=site):
                yield f"{file.relative_to(site)}: {found}: {address}"
    for file in sorted(site.rglob("*.css")):
        if "url(http" in file.read_text("utf-8").replace('"', "").replace("'", ""):
            yield f"{file.relative_to(site)}: loaded from elsewhere"


@cache
def _read(file: Path) -> _Page:
    return _Page(file.read_text("utf-8"))


def _problem(file: Path, address: str, *, loads: bool, site: Path) -> str | None:
    """Return what is wrong with an address of a page, or None."""
    parts = urlsplit(address)
    if parts.scheme == "data":
        return None
    if parts.scheme or parts.netloc:
        return "loaded from elsewhere" if loads else None
    target = (file.parent / unquote(parts.path)).resolve() if parts.path else file
    if target.is_dir():
        target /= "index.html"
    if not target.is_relative_to(site.resolve()) or not target.is_file():
        return "no such file"
    anchor = unquote(parts.fragment)
    if anchor and target.suffix == ".html" and anchor not in _read(target).anchors | {"__top"}:
        return "no such anchor"
    return None
