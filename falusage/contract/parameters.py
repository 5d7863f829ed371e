"""What a declared parameter is: one thing that a request can ask for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias, get_args

Timeframe = Literal["minute", "hour", "day", "week", "month"]
TIMEFRAMES: Final[tuple[Timeframe, ...]] = get_args(Timeframe)

Names: TypeAlias = str | Iterable[str]
"""What a caller may pass for a list: one name, or several."""

Kind = Literal["instant", "zone", "choice", "switch", "names", "expand", "count", "opaque"]
"""How a parameter is checked and sent.

- `instant`: a date, a datetime with an offset, or ISO 8601 text.
- `zone`: an IANA time zone.
- `choice`: one of `choices`.
- `switch`: True or False, sent as text.
- `names`: a list of texts, sent by repeating the parameter: ids may contain commas.
- `expand`: True sends the parameter's name as a value of `expand`.
- `count`: a whole number from 1 up.
- `opaque`: a text that only the server understands.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One parameter of a request.

    Attributes:
        kind: How it is checked and sent.
        help: What it does, in a sentence.
        default: Its value if the caller leaves it out.
        required: Whether a request must have it.
        since: The first edition that has it.
        choices: The values that it takes, if they are fixed.
        column: The column that it filters. Rows with another value there are a protocol error.
        most: The most values that one request takes. A longer list becomes several requests.
        splits: Whether a longer list may become several requests; otherwise it is rejected.
        pattern: The regular expression that each name must match.
        one_until: The last edition that takes only a single value.
        per_page: Whether it changes only pages, not the answer.
        metavar: What command-line help calls its value.
        short: A shorter name of its option on the command line, besides its own.
    """

    kind: Kind
    help: str
    default: Any = None
    required: bool = False
    since: int = 1
    choices: tuple[str, ...] = ()
    column: str | None = None
    most: int | None = None
    splits: bool = True
    pattern: str = ""
    one_until: int = 0
    per_page: bool = False
    metavar: str = ""
    short: str = ""

    def takes_one(self, edition: int) -> bool:
        """Return whether an edition takes only a single value."""
        return self.kind not in {"names", "expand"} or edition <= self.one_until
