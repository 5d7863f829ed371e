"""What is mistyped on a command line is answered with what was meant."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("lood",), "No such command 'lood'. Did you mean 'load'?"),
        (("predict",), "Did you mean 'forecast'?"),
        (("load", "--team", "ads"), "No such option '--team'. Did you mean '--team-username'?"),
        (("load", "--username", "ads"), "Did you mean '--team-username'?"),
        (("report", "--endpoint", "x"), "Did you mean '--endpoint-id'?"),
        (("load", "--model", "x"), "Did you mean '--endpoint-id'?"),
        (("load", "--from", "x"), "Did you mean '--start'?"),
        (("load", "--tz", "x"), "Did you mean '--timezone'?"),
        (("load", "--granularity", "x"), "Did you mean '--timeframe'?"),
        (("load", "--output", "x"), "Did you mean '--out'?"),
        (("load", "--csv",), "Did you mean '--format'?"),
        (("load", "--api-key", "x"), "the key itself comes from FAL_ADMIN_KEY"),
        (("forecast", "--budget", "x"), "Did you mean '--budgets'?"),
        (("forecast", "--horizon", "3", "--every", "week"), "Did you mean '1w'?"),
        (("load", "--format", "JSN"), "Did you mean 'json'?"),
        (("load", "--start", "2025-05-01", "--timeframe", "daily"), "Did you mean 'day'?"),
        (("load", "--start", "2025-05-01", "--timezone", "new york"), "'America/New_York'?"),
        (("load", "--start", "2025-05-01", "--product", "gpu"), "Did you mean 'compute'?"),
    ],
)  # fmt: skip
def test_the_name_that_was_meant_is_named(run, arguments: tuple[str, ...], said: str) -> None:
    """By meaning, in one sentence, with exit code 2; nothing is asked of the API."""
    code, out, err = run(*arguments)

    assert (2, "") == (code, out)
    assert said in err


def test_nothing_is_guessed_where_nothing_is_close(run) -> None:
    """And a dash alone is no command."""
    code, _, err = run("load", "--zzz")
    assert (2, True, False) == (code, "No such option '--zzz'." in err, "Did you mean" in err)
    code, _, err = run("--hepl")
    assert (2, True) == (code, "'--hepl'. Did you mean '--help'?" in err)
