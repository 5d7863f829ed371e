"""What a page's bytes hold, counted: the proof that reading them lost nothing.

Every member of a JSON object is a quoted name, a colon and the first byte of its value, and that
byte tells of what kind the value is. So the members of each kind can be counted without parsing,
a few passes of numpy over the page. A reader that took `n` texts and `m` numbers out of it has
left nothing behind if, and only if, the bytes hold just as many and no further quotes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

LONGEST: Final = 100
"""The longest run of bytes between two commas that is not looked at more closely."""

_MOST_VALUES: Final = 4_000_000
_SMALL: Final = 2**21
_Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Account:
    """Members of JSON objects by the kind of their values."""

    texts: int = 0
    numbers: int = 0
    words: int = 0
    nulls: int = 0
    lists: int = 0
    objects: int = 0

    def __add__(self, other: Account) -> Account:
        """Add kind by kind."""
        return Account(
            self.texts + other.texts,
            self.numbers + other.numbers,
            self.words + other.words,
            self.nulls + other.nulls,
            self.lists + other.lists,
            self.objects + other.objects,
        )

    @property
    def members(self) -> int:
        """All of them."""
        return self.texts + self.numbers + self.words + self.nulls + self.lists + self.objects

    def balances(self, body: bytes) -> bool:
        """Tell whether a page holds these members and no other; doubt counts as no."""
        page = np.frombuffer(body, np.uint8)
        escaped = body.count(b'\\"') if b"\\" in body else 0
        quotes = int(np.count_nonzero(page == ord('"'))) - escaped
        return quotes == 2 * (self.members + self.texts) and _members(page) == self


def _members(page: _Bytes) -> Account | None:
    """Count members by the first byte of the value; None where a value starts as none can."""
    after = np.flatnonzero((page[:-1] == ord('"')) & (page[1:] == ord(":"))) + 2
    # One space is how some servers write; more, or a line break, is left to the careful path.
    after = after + (page.take(after, mode="clip") == ord(" "))
    found = np.bincount(page.take(after, mode="clip"), minlength=256)
    account = Account(
        texts=int(found[ord('"')]),
        numbers=int(found[ord("0") : ord("9") + 1].sum() + found[ord("-")]),
        words=int(found[ord("t")] + found[ord("f")]),
        nulls=int(found[ord("n")]),
        lists=int(found[ord("[")]),
        objects=int(found[ord("{")]),
    )
    return account if account.members == len(after) else None


def holds_long_tokens(body: bytes) -> bool:
    """Tell whether anything between two commas is longer than names and numbers are."""
    commas = np.flatnonzero(np.frombuffer(body, np.uint8) == ord(","))
    return bool(np.diff(commas, prepend=0, append=len(body)).max(initial=0) > LONGEST)


def is_absurd(body: bytes) -> bool:
    """Tell whether a large page is so dense with values that reading it would fill the memory."""
    if len(body) <= _SMALL:
        return False
    commas = int(np.count_nonzero(np.frombuffer(body, np.uint8) == ord(",")))
    return commas > min(_MOST_VALUES, len(body) // 6)
