"""Each row of the fault catalogue, over a real socket."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest

from falusage.api._http import exchange
from falusage.api._pages import cursors
from tests.faults.fault_catalogue import EQUAL, Case, catalogue
from tests.faults.fault_judge import Judge
from tests.faults.fault_server import FaultServer

JUDGE = Judge()
CASES = [
    pytest.param(case, id=case.name, marks=[pytest.mark.slow] if case.slow else [])
    for case in catalogue()
]


@pytest.mark.parametrize("case", CASES)
def test_promise(
    case: Case, serve: Callable[..., FaultServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A load is the truth or the promised error, in time, and says nothing that it should not."""
    monkeypatch.setattr(exchange, "_FIRST_PAUSE", 0.01)  # `test_patience` tries the real ones
    if case.most_pages is not None:
        monkeypatch.setattr(cursors, "PAGES", case.most_pages)
    server = serve(case.world, rules=case.rules)
    heard = JUDGE.run(case, server)
    bitten = all(server.bitten[n] for n in range(len(case.rules)))
    assert bitten or case.may_miss, "a fault never bit"
    JUDGE.check(case, server, heard)
    if case.within is not None:
        assert heard.elapsed < case.within
    if case.asks_once:
        asked = Counter(request.target for request in server.requests)
        assert {1} == set(asked.values())
    if case.most_pages is not None:
        assert f"{case.most_pages} pages without an end" in str(heard.error)


def test_a_window_has_ten_thousand_pages_at_most() -> None:
    """The catalogue lowers this limit, because so many pages take a minute."""
    assert 10_000 == cursors.PAGES


def test_every_kind_of_promise_is_in_the_catalogue() -> None:
    """The catalogue is not empty, and holds healthy worlds as well as broken ones."""
    promised = Counter(promise for case in catalogue() for promise in case.promised)
    assert promised[EQUAL] > 100
    assert len(promised) > 10
