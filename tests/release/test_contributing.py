"""What contributors find is true: files parse, and name commands and pages that are there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import yaml

from falusage.cli import cli

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / name for name in ("CONTRIBUTING.md", "SECURITY.md", "CODE_OF_CONDUCT.md")]
FORMS = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))


def read(path: Path) -> dict[str, object]:
    """Return what a file of YAML says."""
    return yaml.safe_load(path.read_text("utf-8"))


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as a reader's link names them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.M)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_lead_to_headings_that_are_there(page: Path) -> None:
    """Those to elsewhere are left alone."""
    text = page.read_text("utf-8")
    for place, anchor in re.findall(r"\]\((?!http)([^)#]+)#?([^)]*)\)", text):
        assert (ROOT / place).exists(), place
        assert not anchor or anchor in anchors(ROOT / place), anchor


def test_the_set_up_is_that_of_the_readme() -> None:
    """The command stands in three places; CI's is compared with the README's elsewhere."""
    (first, *_rest) = re.findall(r"^```sh\n(.*?)^```$", PAGES[0].read_text("utf-8"), re.M | re.S)
    assert f"```sh\n{first}```" in (ROOT / "README.md").read_text("utf-8")
    assert "`bash .ci/run`" in PAGES[0].read_text("utf-8")


def test_programs_that_are_named_are_there() -> None:
    """Files of this repository, and commands of falusage."""
    text = "\n".join(path.read_text("utf-8") for path in [*PAGES, *FORMS])
    files = set(re.findall(r"[\w./]+\.py\b", text))
    assert files >= {"check.py", "docs/plain_english.py", "falusage/_version.py"}
    assert [] == [name for name in files if not (ROOT / name).exists()]
    commands = re.findall(r"`falusage (\w+)", text)
    assert set() == set(commands) - set(cli.commands)


def test_hooks_run_programs_of_the_checkout() -> None:
    """They come with `.[dev]`, and each file that they name exists."""
    (local,) = read(ROOT / ".pre-commit-config.yaml")["repos"]
    programs = [shlex.split(hook["entry"])[:2] for hook in local["hooks"]]
    assert [".venv/bin/ruff", ".venv/bin/ruff", ".venv/bin/python"] == [one for one, _ in programs]
    assert (ROOT / programs[2][1]).exists()


def test_the_workflow_runs_what_ci_runs() -> None:
    """On the Pythons that the project promises, with the oldest, which `.ci/run` needs, last."""
    steps = read(ROOT / ".github/workflows/check.yml")["jobs"]["check"]["steps"]
    assert "bash .ci/run" in [step.get("run") for step in steps]
    (versions,) = [
        step["with"]["python-version"].split()
        for step in steps
        if step.get("uses", "").startswith("actions/setup-python")
    ]
    promised = re.findall(r"Python :: (3\.\d+)", (ROOT / "pyproject.toml").read_text("utf-8"))
    assert sorted(promised) == sorted(versions)
    assert "3.11" == versions[-1]


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.stem)
def test_issue_forms_are_complete(form: Path) -> None:
    """Each question has an id of its own and a label; one must be answered."""
    said = read(form)
    assert {"name", "description", "labels", "body"} == said.keys()
    questions = [part for part in said["body"] if part["type"] != "markdown"]
    ids = [question["id"] for question in questions]
    assert len(set(ids)) == len(ids)
    assert all(question["attributes"]["label"] for question in questions)
    assert any(question.get("validations", {}).get("required") for question in questions)
