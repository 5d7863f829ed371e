"""What users can import, and what it costs."""

from __future__ import annotations

import ast
import importlib
import json
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

import falusage
from falusage import errors

HEAVY = {
    "deltalake",
    "duckdb",
    "fastapi",
    "great_tables",
    "jinja2",
    "matplotlib",
    "narwhals",
    "numpy",
    "pandas",
    "pandera",
    "pyarrow",
    "pydantic",
    "pyspark",
    "requests",
    "statsforecast",
    "tqdm",
    "urllib3",
    "uvicorn",
}


def imports_of_the_stub() -> list[tuple[str, str, str | None]]:
    """Return the home, the name and the alias of each import in the stub, in order."""
    stub = Path(str(falusage.__file__)).with_suffix(".pyi").read_text(encoding="utf-8")
    return [
        (str(node.module), alias.name, alias.asname)
        for node in ast.parse(stub).body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    ]


def in_a_fresh_process(code: str) -> list[str]:
    """Run code in a new interpreter and return the modules that it has imported."""
    told = subprocess.run(  # noqa: S603 - our own interpreter and code
        [sys.executable, "-c", f"{code}; import json, sys; print(json.dumps(sorted(sys.modules)))"],
        capture_output=True,
        check=True,
        text=True,
    )
    return json.loads(told.stdout)


def test_every_name_of_the_stub_is_there_and_at_home() -> None:
    """The stub is the only list of names; each is exported to type checkers by its alias."""
    imports = imports_of_the_stub()
    assert sorted(name for _, name, _ in imports) == list(falusage.__all__)
    for home, name, alias in imports:
        assert name == alias
        assert getattr(importlib.import_module(f"falusage.{home}"), name) is getattr(falusage, name)
    assert {*falusage.__all__, "__version__"} == set(dir(falusage))


def test_a_room_hides_no_public_name() -> None:
    """A module of the package with the name of a function would replace it once it is imported."""
    rooms = {path.stem for path in Path(str(falusage.__file__)).parent.iterdir()}
    assert set() == rooms & set(falusage.__all__)


def test_every_error_and_warning_is_public() -> None:
    """Users can catch whatever falusage raises."""
    defined = {
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and value.__module__ == errors.__name__
    }
    assert defined <= set(falusage.__all__)


def test_the_version_is_that_of_the_installation() -> None:
    """The build reads it from the package."""
    assert metadata.version("falusage") == falusage.__version__


def test_an_unknown_name_is_an_attribute_error() -> None:
    """As in any module, so that `hasattr` and `from falusage import …` behave."""
    with pytest.raises(
        AttributeError,
        match=r"module 'falusage' has no attribute 'load_usages'\. Did you mean 'load_usage'",
    ):
        _ = falusage.load_usages  # type: ignore[attr-defined]
    assert not hasattr(falusage, "nothing")
    with pytest.raises(AttributeError, match=r"'_rollup'\.$"):  # only people mistype
        _ = falusage._rollup  # type: ignore[attr-defined]


@pytest.mark.slow
def test_importing_the_package_costs_what_polars_costs() -> None:
    """Heavy libraries come with the call that needs them."""
    found = {name.partition(".")[0] for name in in_a_fresh_process("import falusage")}
    assert set() == found & HEAVY
    query = in_a_fresh_process("import falusage; falusage.UsageQuery('2025-01-01', '2025-01-02')")
    assert set() == {name.partition(".")[0] for name in query} & (HEAVY - {"numpy"})


def test_transforms_need_polars_alone() -> None:
    """A view of a table asks for no HTTP, validation or picture library."""
    found = in_a_fresh_process("import falusage; falusage.rollup; falusage.cost_share")
    assert set() == {name.partition(".")[0] for name in found} & HEAVY


@pytest.mark.slow
def test_asking_does_not_import_pictures_or_validation() -> None:
    """A client is made without the libraries that only its loads need."""
    found = in_a_fresh_process("import falusage; falusage.UsageClient('key')")
    assert set() == {name.partition(".")[0] for name in found} & {
        "pandera",
        "matplotlib",
        "fastapi",
    }


def test_a_valid_table_needs_no_validation_library() -> None:
    """Importing pandera takes more than a second, and it only says what a row broke."""
    asked = "usage = fu.sample_usage(start='2025-03-01', end='2025-03-02').usage"
    found = in_a_fresh_process(f"import falusage as fu; {asked}; fu.validate_usage(usage)")
    assert "pandera" not in found


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="forks")
def test_a_process_that_forks_after_the_import_goes_on() -> None:
    """No import runs a query: a child would wait forever for the threads that it started."""
    code = """
import os, signal
import falusage as fu
[getattr(fu, name) for name in fu.__all__]
if child := os.fork():
    raise SystemExit(os.waitpid(child, 0)[1])
signal.alarm(20)
fu.UsageQuery("2025-01-01", "2025-01-02")
os._exit(0)
"""
    told = subprocess.run([sys.executable, "-c", code], check=False)  # noqa: S603 - as above
    assert 0 == told.returncode


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "later"),
    [
        pytest.param("load_usage", {"pyarrow", "pandas"}, id="a table becomes Arrow on demand"),
        pytest.param("download_snapshot", {"pyarrow", "pandas"}, id="it asks before it writes"),
        pytest.param("report", {"requests", "matplotlib", "jinja2"}, id="no HTTP for a snapshot"),
    ],
)
def test_a_name_imports_what_its_first_step_needs(name: str, later: set[str]) -> None:
    """The rest is imported by the call that needs it."""
    imported = in_a_fresh_process(f"import falusage; falusage.{name}")

    assert "polars" in imported
    assert set() == later & set(imported)
