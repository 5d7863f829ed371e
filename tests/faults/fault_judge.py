"""The judge: a load with everything it says overheard, held against what was promised."""

from __future__ import annotations

import io
import json
import logging
import pickle
import threading
import time
import traceback
import warnings
from collections.abc import Callable
from typing import Any

import polars as pl
from polars.testing import assert_frame_equal

import falusage as fu
from falusage.columns import USAGE
from tests.faults.fault_catalogue import EQUAL, QUARANTINE, Case
from tests.faults.fault_server import FaultServer
from tests.faults.usage_world import Question, expected

KEY = "0b1d5a2e-fa17-4c1e-8e5d:7f3c9e00c0ffee"
SECRETS = tuple(KEY.split(":"))


class Overheard:
    """What a load gave or raised, how long it took, and all that it said meanwhile."""

    def __init__(self, run: Callable[[], Any]) -> None:
        self.result: Any = None
        self.error: BaseException | None = None
        stream = io.StringIO()
        handler = logging.StreamHandler(stream)
        root = logging.getLogger()
        level = root.level
        root.addHandler(handler)
        root.setLevel(logging.DEBUG)
        threads = set(threading.enumerate())
        begun = time.monotonic()
        try:
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                try:
                    self.result = run()
                except Exception as error:  # noqa: BLE001 - any error at all is judged
                    self.error = error
        finally:
            root.removeHandler(handler)
            root.setLevel(level)
        self.elapsed = time.monotonic() - begun
        self.warned = [w for w in caught if not issubclass(w.category, ResourceWarning)]
        self.leaked = [w for w in caught if issubclass(w.category, ResourceWarning)]
        self.threads = set(threading.enumerate()) - threads
        self.log = stream.getvalue()

    def said(self) -> str:
        """Give every text that a user, a log or a crash report could see of it."""
        texts = [self.log, *(f"{w.message!s} {w.message!r}" for w in self.warned)]
        error = self.error
        if error is not None:
            texts += [str(error), repr(error), repr(vars(error)), repr(error.args)]
            texts += traceback.TracebackException.from_exception(
                error, capture_locals=True
            ).format()
            texts.append(pickle.dumps(error).decode("latin-1"))
        if self.result is not None:
            receipt = self.result.receipt
            texts += [repr(self.result), repr(receipt), pickle.dumps(receipt).decode("latin-1")]
        return "\n".join(texts)


class Judge:
    """Runs a case, and says whether the promise was kept."""

    def run(self, case: Case, server: FaultServer) -> Overheard:
        """Load the case's question from the server."""
        settings = {"timeout": 30.0, "max_attempts": 3, **case.client}
        query = fu.UsageQuery(**case.world.query)

        def load() -> Any:
            with fu.UsageClient(api_key=KEY, base_url=server.base_url, **settings) as client:
                return client.load(query, **case.load)

        return Overheard(load)

    def outcome(self, case: Case, server: FaultServer, heard: Overheard) -> Any:
        """Give what the load came to, in the catalogue's words."""
        if heard.error is not None:
            return type(heard.error)
        return QUARANTINE if heard.result.quarantine.height else EQUAL

    def check(self, case: Case, server: FaultServer, heard: Overheard) -> None:
        """Assert that the load kept its promise."""
        outcome = self.outcome(case, server, heard)
        if heard.error is not None and outcome not in case.promised:
            raise heard.error
        assert outcome in case.promised
        unexpected = [w for w in heard.warned if not issubclass(w.category, case.warns or ())]
        assert [str(w.message) for w in unexpected] == []
        assert [str(w.message) for w in heard.leaked] == []
        said = heard.said()
        assert not any(secret in said for secret in SECRETS), "the key shows"
        if heard.error is not None:
            assert len(str(heard.error)) < 2000
            assert str(heard.error).strip()
        elif outcome == EQUAL:
            self._equal(case, server, heard.result)
        else:
            self._set_aside(case, server, heard.result)

    def truths(self, case: Case, server: FaultServer) -> list[pl.DataFrame]:
        """Give the tables that the load may equal: any that the server held while it ran."""
        question = Question.read(
            {
                name: value if isinstance(value, list) else [value]
                for name, value in case.world.query.items()
            },
            most=1000,  # the client may ask in parts
        )
        return [expected(rows, question) for rows in server.versions]

    def _equal(self, case: Case, server: FaultServer, load: Any) -> None:
        assert list(USAGE) == load.usage.columns[: len(USAGE)]
        known = load.usage.select(list(USAGE))
        truths = self.truths(case, server)
        if not any(known.equals(truth) for truth in truths):
            assert_frame_equal(truths[-1], known, check_exact=True)
        assert_frame_equal(load.usage, pl.DataFrame(load.table), check_exact=True)
        if not case.known_columns_only:
            self._unknown_fields(server, load.usage)
        self._receipt(load)

    def _unknown_fields(self, server: FaultServer, usage: pl.DataFrame) -> None:
        sent = {name for r in server.rows for name, _ in r.extra}
        assert sent == set(usage.columns[len(USAGE) :])
        for name in sent:
            values = [dict(r.extra).get(name) for r in sorted(server.rows, key=lambda r: r.at)]
            assert values == [_meant(v, usage[name].dtype, values) for v in usage[name].to_list()]

    def _set_aside(self, case: Case, server: FaultServer, load: Any) -> None:
        truth = self.truths(case, server)[-1]
        kept = load.usage.select(list(USAGE))
        assert_frame_equal(truth.slice(1), kept, check_exact=True)
        assert load.quarantine.height == 1
        assert load.quarantine["rules"].to_list()[0]
        self._receipt(load)

    def _receipt(self, load: Any) -> None:
        receipt = load.receipt
        assert receipt.rows_received == receipt.rows_kept + receipt.rows_quarantined
        assert receipt.rows_kept == load.usage.height
        assert receipt.rows_quarantined == load.quarantine.height
        assert receipt.requests >= receipt.pages >= receipt.windows >= 1
        assert receipt.bytes_received > 0
        assert receipt.started_at <= receipt.finished_at


def _meant(value: Any, dtype: pl.DataType, sent: list[Any]) -> Any:
    """Read a kept value back: scalars stand as they are, all else as JSON text."""
    scalars = {type(v) for v in sent if v is not None}
    plain = scalars <= {str} or scalars <= {bool} or scalars <= {int, float}
    beyond = any(isinstance(v, int) and not -(2**63) <= v < 2**63 for v in sent)
    if value is None or dtype != pl.String or (plain and not beyond):
        return value
    return json.loads(value)
