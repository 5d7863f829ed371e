"""Build the documentation as a site.

    python docs/build_site.py [FOLDER]

`FOLDER/pages`, by default `site/pages`, has the pages as the generator reads them: those of this
folder, the README as the home page, the changelog, and the reference. `FOLDER/html` is the site,
which also opens from a disk. The snippets of the pages draw its pictures while the generator runs.
What the generator warns of, a link that leads nowhere, and anything loaded from elsewhere fail the
build.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import reference_pages
import snippets
import weblinks

DOCS: Final = Path(__file__).parent
ROOT: Final = DOCS.parent
_LINK: Final = re.compile(r"(?P<text>!?\[(?:[^][]|\[[^]]*\])*\])\((?P<to>[^)\s]+)\)")
_VERSION: Final = re.compile(r"^## \[(.+?)\](?!\()", re.MULTILINE)  # of the changelog
_COLOR: Final = re.compile(r"\x1b\[[0-9;]*m")
_MOVED: Final = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
}


def draw(pages: Mapping[Path, str], folder: Path) -> None:
    """Draw the pictures of pages, given by their place, each beside its page."""
    with snippets.account():
        for page, text in pages.items():
            snippets.draw(text, (folder / page).parent)


def build(folder: Path, *, draw: Callable[[Mapping[Path, str], Path], None] = draw) -> list[str]:
    """Build the site and return what is wrong with it, a line for each.

    Args:
        folder: Where to write it; what is there is removed.
        draw: Writes the pictures of pages to a folder.
    """
    shutil.rmtree(folder, ignore_errors=True)
    pages, html = folder / "pages", folder / "html"
    drawn = write_pages(pages)
    for name in ("zensical.toml", "docstrings.py"):
        shutil.copy(DOCS / name, folder)
    with subprocess.Popen(
        [sys.executable, "-m", "zensical", "build", "--strict", "--clean"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
    ) as generator:
        draw(drawn, folder / "drawn")
        said, _ = generator.communicate()
    if generator.returncode:
        return _COLOR.sub("", said).split("\nTraceback")[0].splitlines()
    shutil.copytree(folder / "drawn", html, dirs_exist_ok=True)
    return [*weblinks.problems(html)]


def write_pages(folder: Path) -> dict[Path, str]:
    """Write the generator's pages, and return those that have pictures to draw."""
    drawn: dict[Path, str] = {}
    sources = {file.relative_to(DOCS): file for file in sorted(DOCS.rglob("*.md"))}
    sources |= {Path(new): ROOT / old for old, new in _MOVED.items()}
    for page, source in sources.items():
        text = _VERSION.sub(r"## \1", source.read_text("utf-8"))
        if snippets.PICTURE.search(text):
            drawn[page] = text
        _write(folder / page, _relinked(_for_both_papers(text), source, page))
    for name, text in reference_pages.pages().items():
        _write(folder / "reference" / name, text)
    for file in [*DOCS.glob("assets/*"), *DOCS.glob("*.png")]:
        _copy(file, folder / file.relative_to(DOCS))
    for file in ROOT.glob("notebooks/*.ipynb"):
        _copy(file, folder / file.relative_to(ROOT))
    return drawn


def _relinked(text: str, source: Path, page: Path) -> str:
    """Return a page whose links lead to pages of the site; files that it does not have are names.

    They are links if `[project.urls]` has the address of the repository, as `Source`.
    """
    up = "../" * (len(page.parts) - 1)

    def relink(found: re.Match[str]) -> str:
        file, _, anchor = found["to"].partition("#")
        if "://" in file or not file:
            return found[0]
        target = (source.parent / file).resolve()
        place = str(target.relative_to(ROOT))
        if target.is_relative_to(DOCS) and target.suffix in {".md", ".png", ".svg"}:
            inside = str(target.relative_to(DOCS))
        elif place in _MOVED or target.suffix == ".ipynb":
            inside = _MOVED.get(place, place)
        else:
            return f"{found['text']}({_SOURCE}/{place})" if _SOURCE else found["text"][1:-1]
        return f"{found['text']}({up}{inside}{'#' + anchor if anchor else ''})"

    return _LINK.sub(relink, text)


def _for_both_papers(text: str) -> str:
    """Return a page whose pictures have two files: for light and for dark pages."""
    return snippets.PICTURE.sub(
        lambda found: (
            f"![{found['words']}]({found['file']}#only-light)"
            f"![{found['words']}]({snippets.dark(found['file'])}#only-dark)"
        ),
        text,
    )


def _source() -> str:
    """Return the address of the files of the repository, or an empty text."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    address: str = project.get("urls", {}).get("Source", "")
    return address and f"{address.rstrip('/')}/blob/main"


_SOURCE: Final = _source()


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, "utf-8")


def _copy(file: Path, to: Path) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(file, to)


def main(folder: Path) -> int:
    """Build the site, print what is wrong or where it is, and return the exit code."""
    found = build(folder)
    sys.stdout.write("\n".join(found or [f"Open {folder / 'html' / 'index.html'}"]) + "\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "site").resolve()))
