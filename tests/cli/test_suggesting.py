"""What is mistyped on a command line is answered with what was meant."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("lood",), "No such command 'lood'. Did you mean 'load'?"),
        (("predict",), "Did you mean 'forecast'?"),
        (("load", "--teem", "ads"), "No such option '--teem'. Did you mean '--team'?"),
        (("load", "--month", "2025-05"), "Did you mean '--start'? For a month: --start 2025-05"),
        (("load", "--username", "ads"), "Did you mean '--team'?"),
        (("report", "--endpoints", "x"), "Did you mean '--endpoint'?"),
        (("load", "--model", "x"), "Did you mean '--endpoint'?"),
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


@pytest.mark.parametrize("option", ["--team", "--team-username"])
def test_an_option_has_the_name_of_the_api_and_a_shorter_one(run, option: str) -> None:
    """They are the same; the same holds for --endpoint and --key."""
    days = ("--start", "2025-06-01", "--end", "2025-06-03", "--timeframe", "day")
    code, out, _ = run("load", *days, option, "acme-paris", "--format", "csv")

    assert (0, {"acme-paris"}) == (code, {line.split(",")[2] for line in out.splitlines()[1:]})


@pytest.mark.parametrize("command", ["load", "events", "sync"])
@pytest.mark.parametrize("option", ["--key", "--api-key-id"])
def test_a_whole_key_is_no_filter_and_is_not_repeated(run, command: str, option: str) -> None:
    """Who takes --key for that of the client is told where the key comes from."""
    code, out, err = run(command, "--start", "2025-06-01", option, "an-id:a-secret")

    assert (2, "") == (code, out)
    assert "it takes the id of a key, without its secret" in err
    assert "a-secret" not in err


def test_a_name_that_no_saved_row_has_is_no_success(run) -> None:
    """In a snapshot and in a store, with the closest; nothing is printed."""
    days = ("--start", "2025-06-01", "--end", "2025-06-10", "--timeframe", "day")
    run("snapshot", *days, "--out", "usage.parquet")
    run("sync", *days, "--store", "kept")

    for source in (("--snapshot", "usage.parquet"), ("--store", "kept")):
        for name in ("report", "forecast", "focus"):
            more = ("--billing-account-id", "a", "--billing-account-name", "A", "--out", "f.csv")
            asked = (name, *source, *(more if name == "focus" else ()))
            code, out, err = run(*asked, "--team", "acme-pariss", "--endpoint", "fal-ai/flux/dev")
            assert (1, "") == (code, out)
            assert f"error: nothing matches --team acme-pariss in {source[1]}; " in err
            assert "did you mean --team 'acme-paris'?" in err


def test_events_of_a_name_that_nobody_has_are_no_success(run) -> None:
    """Beside a name that matches, too, and in a file; an id of a request has no closest one."""
    days = ("events", "--start", "2025-06-20", "--end", "2025-06-21")
    teams = ("--team", "acme-voice", "--team", "acme-voise")

    code, _, err = run(*days, *teams, "--format", "csv")
    assert (1, True) == (code, "nothing matched --team acme-voise in that range; did you" in err)
    code, _, err = run(*days, *teams, "--out", "events.parquet")
    assert (1, True) == (code, "did you mean --team 'acme-voice'?" in err)
    code, _, err = run(*days, "--request-id", "none")
    assert (1, True) == (code, "nothing matched --request-id none in that range; names must" in err)
