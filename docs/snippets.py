"""Run the snippets of the pages, and write below each what it prints.

    python docs/snippets.py [PAGE ...]

A test compares the pages with this output. The Python of a page is one session, as in a notebook. A
picture that follows a snippet is the figure which the snippet drew; `build_site.py` writes it.
Commands run as they are typed. All of it talks to an emulator on this machine, in an empty folder,
with the key of the pages.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import sys
import tempfile
import warnings
from collections.abc import Generator
from pathlib import Path
from typing import Any, Final

import falusage as fu
from falusage.cli import main as falusage
from falusage.plotting import roles

DOCS: Final = Path(__file__).parent
KEY: Final = "your-key-id:your-key-secret"
PICTURE: Final = re.compile(r"^!\[(?P<words>[^]]+)\]\((?P<file>[\w-]+\.svg)\)$", re.MULTILINE)

_SNIPPET: Final = re.compile(
    r"^(?P<open>```(?P<language>python|sh)\n)(?P<code>.*?)^```\n"
    r"(?P<printed>(?:\n```text\n.*?^```\n)*)"
    r"(?:\n(?P<picture>!\[[^]]+\]\((?P<file>[\w-]+\.svg)\))\n)?",
    re.MULTILINE | re.DOTALL,
)
_PRINTED: Final = re.compile(r"^```text\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# How blocks begin that install something, or check or measure a clone: the reader's machine, not
# an account. The tests run what they promise.
_SETS_UP: Final = ("python3.11 -m venv", "python ", "pip install", ".venv/bin/", "git clone")
_PAPER: Final = (("#000000", "#ffffff"), ("#e8e8ec", "#14141a"))  # of light and dark pages


class SnippetError(Exception):
    """A snippet does not print or draw what its page shows."""


def pages() -> list[Path]:
    """Return every page with snippets: those in this folder, and the README."""
    return [DOCS.parent / "README.md", *sorted(DOCS.rglob("*.md"))]


@contextlib.contextmanager
def account() -> Generator[None]:
    """Serve the sample under the pages' key, and work in an empty folder."""
    with fu.Emulator(api_key=KEY) as emulator, asking(emulator):
        yield


@contextlib.contextmanager
def asking(emulator: fu.Emulator) -> Generator[None]:
    """Set what a page asks an emulator with, and work in an empty folder."""
    before = dict(os.environ), Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.environ.pop("FAL_KEY", None)
        os.environ.update(
            FAL_ADMIN_KEY=KEY,
            FALUSAGE_BASE_URL=emulator.base_url,
            MPLBACKEND="agg",
            COLUMNS="80",
        )
        os.chdir(folder)
        try:
            yield
        finally:
            os.chdir(before[1])
            os.environ.clear()
            os.environ.update(before[0])


def updated(page: str, folder: Path | None = None) -> str:
    """Return a page with what its snippets print; write its pictures to a folder, if given."""
    names: dict[str, Any] = {}

    def run(found: re.Match[str]) -> str:
        if found["language"] == "sh":
            _run_commands(found["code"], _PRINTED.findall(found["printed"]))
            return found[0]
        shown = _run_python(found["code"], names)
        with _figure(found["file"]) as figure:
            if folder is not None and figure is not None:
                _save(figure, folder / found["file"])
        printed = f"\n```text\n{shown}```\n" if shown else ""
        picture = f"\n{found['picture']}\n" if found["picture"] else ""
        return f"{found['open']}{found['code']}```\n{printed}{picture}"

    with _strict():
        return _SNIPPET.sub(run, page)


def draw(page: str, folder: Path) -> None:
    """Write the pictures of a page to a folder; its Python runs as far as the last of them."""
    names: dict[str, Any] = {}
    snippets = [found for found in _SNIPPET.finditer(page) if found["language"] == "python"]
    while snippets and not snippets[-1]["file"]:
        snippets.pop()
    with _strict():
        for found in snippets:
            _run_python(found["code"], names)
            with _figure(found["file"]) as figure:
                if figure is not None:
                    _save(figure, folder / found["file"])


@contextlib.contextmanager
def _strict() -> Generator[None]:
    """Make every warning an error, but those that falusage prints for its users."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("default", fu.FalUsageWarning)
        yield


def _run_python(code: str, names: dict[str, Any]) -> str:
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(code, "snippet", "exec"), names)  # noqa: S102 - our own pages
    return out.getvalue()


def _run_commands(block: str, shown: list[str]) -> None:
    """Run a block of commands in this process, as a shell would; it prints what is shown."""
    if block.startswith(_SETS_UP):
        return
    printed = ""
    for line in block.replace("\\\n", " ").splitlines():
        command, _, file = line.partition(" > ")
        program, *arguments = shlex.split(command, comments=True)
        if program == "export":
            name, value = arguments[0].split("=", 1)
            os.environ[name] = value
            continue
        if program != "falusage":
            raise SnippetError(f"A page runs falusage, and no other program: {line}")
        said = io.StringIO()
        with (
            contextlib.redirect_stdout(io.TextIOWrapper(io.BytesIO(), "utf-8")) as out,
            contextlib.redirect_stderr(said),
        ):
            code = falusage(arguments)
            out.flush()
            text = out.buffer.getvalue().decode()
        if code:
            raise SnippetError(f"Exit code {code}: {line}\n{said.getvalue()}")
        if file:
            Path(file).write_text(text, "utf-8")
        printed += text
    for part in shown:
        if part not in printed:
            raise SnippetError(f"{block}does not print:\n{part}It prints:\n{printed}")


@contextlib.contextmanager
def _figure(file: str | None) -> Generator[Any]:
    """Yield the figure that a snippet drew, if a picture follows it; then close all figures."""
    pyplot = sys.modules.get("matplotlib.pyplot")
    drawn = pyplot.get_fignums() if pyplot else []
    if file and not drawn:
        raise SnippetError(f"No snippet draws {file}.")
    yield pyplot.figure(drawn[-1]) if pyplot and file else None
    if pyplot:
        pyplot.close("all")


def _save(figure: Any, file: Path) -> None:
    """Write a figure for light and for dark pages."""
    import matplotlib as mpl

    text = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": file.name}):
        figure.savefig(
            text, format="svg", transparent=True, bbox_inches="tight", metadata={"Date": None}
        )
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text.getvalue(), "utf-8")
    file.with_name(dark(file.name)).write_text(_on_dark(text.getvalue()), "utf-8")


def dark(file: str) -> str:
    """Return the name of a picture for dark pages."""
    return file.replace(".svg", "-dark.svg")


def _on_dark(picture: str) -> str:
    """Return a picture with the ink of dark pages: its text, rules and paper, not its data."""
    light, night = (roles(*paper) for paper in _PAPER)
    inks = {letter: color for color, letter in night.items()}
    for color, letter in light.items():
        picture = re.sub(rf"{color}\b", inks[letter], picture)
    # What has no colour in SVG is black.
    return picture.replace("<svg ", f'<svg fill="{inks["i"]}" ', 1)


if __name__ == "__main__":
    chosen = [Path(name).resolve() for name in sys.argv[1:]] or pages()
    with account():
        for page in chosen:
            page.write_text(updated(page.read_text("utf-8")), "utf-8")
