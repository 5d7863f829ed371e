"""Mutation runs: change one operator or constant, see whether a test notices.

A sample (seeded) of the changes is drawn for each file. Each is written into a
throwaway clone and judged by a fresh pytest process: a fork would inherit the
locks of polars' threads. A time limit turns endless loops into an own class.
Run it inside a clone only, for it rewrites the files: see docs/mutation.md.
"""

# ruff: noqa: T201, S603 -- a command line tool that prints, and runs only pytest

import argparse
import ast
import copy
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

SWAPS: dict[type[ast.AST], ast.AST] = {
    ast.Add: ast.Sub(),
    ast.Sub: ast.Add(),
    ast.Mult: ast.Div(),
    ast.Div: ast.Mult(),
    ast.Lt: ast.LtE(),
    ast.LtE: ast.Lt(),
    ast.Gt: ast.GtE(),
    ast.GtE: ast.Gt(),
    ast.Eq: ast.NotEq(),
    ast.NotEq: ast.Eq(),
    ast.Is: ast.IsNot(),
    ast.IsNot: ast.Is(),
    ast.In: ast.NotIn(),
    ast.NotIn: ast.In(),
    ast.And: ast.Or(),
    ast.Or: ast.And(),
    ast.BitAnd: ast.BitOr(),
    ast.BitOr: ast.BitAnd(),
}


def changes(node: ast.AST) -> Iterator[tuple[str, object]]:
    """Yield the field to replace and its new value, one pair per mutant."""
    if isinstance(node, ast.BinOp | ast.BoolOp) and type(node.op) in SWAPS:
        yield "op", SWAPS[type(node.op)]
    if isinstance(node, ast.Compare) and type(node.ops[0]) in SWAPS:
        yield "ops", [SWAPS[type(node.ops[0])], *node.ops[1:]]
    if isinstance(node, ast.Constant):
        if isinstance(node.value, bool):
            yield "value", not node.value
        elif isinstance(node.value, int | float):
            yield "value", node.value + 1
    if isinstance(node, ast.Call) and node.keywords:
        yield "keywords", node.keywords[:-1]


def mutants(source: str) -> list[tuple[int, str, str]]:
    """Return line, label (before -> after) and full text of every mutant."""
    tree = ast.parse(source)
    found: list[tuple[int, str, str]] = []
    for index, node in enumerate(ast.walk(tree)):
        for field, value in changes(node):
            twin = copy.deepcopy(tree)
            other = list(ast.walk(twin))[index]
            setattr(other, field, value)
            label = f"{ast.unparse(node)} -> {ast.unparse(other)}"
            found.append((getattr(node, "lineno", 0), label, ast.unparse(twin)))
    return found


def judge(tests: list[str], limit: float) -> str:
    """Run the tests once in a fresh process and name the outcome."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider"]
    environment = {**os.environ, "PYTHONPATH": ".", "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(
            [*command, *tests], env=environment, capture_output=True, timeout=limit, check=False
        )
    except subprocess.TimeoutExpired:
        return "timeout"
    # 1: a test failed; 2: collection broke (the module no longer imports).
    return {0: "survived", 1: "killed", 2: "killed"}.get(done.returncode, "error")


def main() -> None:
    """Mutate one file, print every mutant not killed and the totals."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("tests", nargs="+")
    parser.add_argument("--sample", type=int, default=40)
    parser.add_argument("--seed", type=int, default=9)
    parser.add_argument("--limit", type=float, default=60)
    chosen = parser.parse_args()
    source = chosen.file.read_text()
    if judge(chosen.tests, chosen.limit) != "survived":
        sys.exit("the tests must be green before the first change")
    every = mutants(source)
    drawn = random.Random(chosen.seed).sample(every, min(chosen.sample, len(every)))
    totals: dict[str, int] = {}
    try:
        for line, label, text in drawn:
            chosen.file.write_text(text)
            outcome = judge(chosen.tests, chosen.limit)
            totals[outcome] = totals.get(outcome, 0) + 1
            if outcome != "killed":
                print(f"{chosen.file}:{line} {outcome}: {label}", flush=True)
    finally:
        chosen.file.write_text(source)
        print(f"{chosen.file}: {sum(totals.values())} of {len(every)} judged, {totals}", flush=True)


if __name__ == "__main__":
    main()
