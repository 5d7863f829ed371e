"""Users' type checkers, in strict mode, find typical uses right and typical mistakes wrong."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import falusage as fu

USES = Path(__file__).with_name("uses.py")
BIN = Path(sys.executable).parent

# Libraries of which no public name of ours returns or takes a type. mypy would read a thousand
# modules of them, stubs among them, which takes longer than all else; the other checkers do.
UNSEEN = (
    *("IPython", "PIL", "anyio", "arro3", "attr", "cffi", "dateutil", "deltalake", "fastapi"),
    *("h11", "hypothesis", "jinja2", "markdown_it", "narwhals", "numba", "numpy", "opentelemetry"),
    *("pandera", "prompt_toolkit", "pydantic", "pydantic_core", "pyparsing", "pyspark", "requests"),
    *("rich", "starlette", "tenacity", "tornado", "tqdm", "traitlets", "typeguard", "urllib3"),
    *("uvicorn", "wcwidth"),
)
SEEN = ("pyspark", "pyspark.sql", "pyspark.sql.dataframe")
CONFIGURATION = f"""
[mypy]
[mypy-{",".join(f"{name}.*" for name in UNSEEN)}]
follow_imports = skip
follow_imports_for_stubs = true
[mypy-{",".join(SEEN)}]
follow_imports = normal
"""


def told(*command: str | Path, cwd: Path) -> str:
    """Return what a checker says, which is nothing that this repository has configured."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, check=False, encoding="utf-8")  # noqa: S603 - checkers
    return f"{done.stdout}{done.stderr}" if done.returncode else ""


def test_every_public_name_is_used() -> None:
    """A new one needs its line in `uses.py`; errors share one root, and three are enough."""
    text = USES.read_text("utf-8")
    names = {
        name
        for name in fu.__all__
        for value in [getattr(fu, name)]
        if not (isinstance(value, type) and issubclass(value, Exception))
    }
    assert set() == {name for name in names if not re.search(rf"\bfu\.{name}\b", text)}


@pytest.mark.slow
def test_mypy_agrees(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """Every `assert_type` holds, every mistake is found, and nothing else is."""
    shutil.copy(USES, tmp_path)
    (tmp_path / "mypy.ini").write_text(CONFIGURATION, "utf-8")
    cache = getattr(request.config, "cache", None)  # there is none with -p no:cacheprovider
    known = cache.mkdir("mypy") if cache else tmp_path / "cache"  # of the libraries, mostly
    mypy = (sys.executable, "-m", "mypy", "--strict", "--cache-dir", known)
    assert told(*mypy, "uses.py", cwd=tmp_path) == ""


@pytest.mark.slow
def test_pyright_agrees(tmp_path: Path) -> None:
    """The same, of the other checker."""
    shutil.copy(USES, tmp_path)
    pyright = (BIN / "pyright", "--pythonpath", sys.executable)
    assert told(*pyright, "uses.py", cwd=tmp_path) == ""


@pytest.mark.slow
def test_ty_agrees(tmp_path: Path) -> None:
    """The same, of a third; an ignore that it does not need is an error, too."""
    shutil.copy(USES, tmp_path)
    ty = (BIN / "ty", "check", "--python", sys.executable, "--error-on-warning")
    assert told(*ty, "uses.py", cwd=tmp_path) == ""
