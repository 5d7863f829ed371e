"""What an installation brings along: its size, its licences, and a bill of materials."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.release import installed

DOCS = installed.ROOT / "docs/quickstart.md"

ALLOWED = {
    *("0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "MIT", "MIT-CMU", "Zlib"),
    *("Python-2.0", "PSF-2.0"),
    "MPL-2.0",  # of files that nobody here changes: certifi's and tqdm's
    # The classifiers of packages that state no expression; their licences are those above.
    "License :: OSI Approved :: Apache Software License",
    "License :: OSI Approved :: BSD License",
    "License :: OSI Approved :: Mozilla Public License 2.0 (MPL 2.0)",
}


@pytest.mark.slow
def test_what_all_installs(
    wheel: Path, on_disk: Path, tmp_path: Path, subtests: pytest.Subtests
) -> None:
    """One environment of the newest versions, which is then looked at."""
    everything = installed.environment(on_disk / "all", f"{wheel}[all]")
    tools = installed.environment(on_disk / "tools", "--group", "release")

    with subtests.test("the bill of materials lists every package and its version"):
        bill = installed.bill_of_materials(everything, tmp_path / "bill.json", tools=tools)
        listed = {part["name"]: part["version"] for part in bill["components"]}
        here = installed.packages("falusage[all]", everything)
        assert {name: here[name].version for name in here if name != "falusage"} == listed
        assert "falusage" == bill["metadata"]["component"]["name"]

    with subtests.test("every licence is allowed, and every package has one"):
        assert {} == rejected(installed.licences(bill))

    with subtests.test("an installation without extras is below 550 MB"):
        rows = dict(totals("\n".join(installed.table(everything))))
        assert rows["falusage"] < 550

    with subtests.test("the quickstart says how large they are, to a tenth"):
        assert dict(totals(DOCS.read_text("utf-8"))) == pytest.approx(rows, rel=0.1)


def totals(table: str) -> list[tuple[str, int]]:
    """Return what each row of a table says that an installation takes, in MB."""
    return [(name, int(size)) for name, size in re.findall(r"^\| `(.+?)` \| (\d+) \|", table, re.M)]


def rejected(licences: dict[str, set[str]]) -> dict[str, set[str]]:
    """Return the packages without a licence, or with one that is not allowed."""
    return {
        name: stated
        for name, stated in licences.items()
        if not stated or not all(set(re.split(" AND | OR ", text)) <= ALLOWED for text in stated)
    }


def test_a_licence_that_is_not_allowed_is_found() -> None:
    """Also as a part of an expression; a package that states none is found, too."""
    assert {"a", "b", "c"} == rejected(
        {"a": {"GPL-3.0-only"}, "b": {"MIT AND LGPL-2.1"}, "c": set(), "d": {"MIT OR Apache-2.0"}}
    ).keys()
