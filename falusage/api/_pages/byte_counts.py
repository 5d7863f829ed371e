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
"""The longest run of bytes from one member's value to the next that is not looked at closely."""

_MOST_VALUES: Final = 4_000_000
_LARGE: Final = 2**21
_SMALL: Final = 2**16
_STEP: Final = 2**18


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


def held_by(body: bytes) -> Account | None:
    """Count the members of a page's objects, and their quotes; None where any of it looks odd.

    What looks odd may be sound JSON: other spacing, a list of texts, a value longer than names
    and numbers are.
    """
    page = np.frombuffer(body, np.uint8)
    found = np.zeros(256, np.intp)
    quotes = last = 0
    is_quote, ends_name = np.empty((2, _STEP), np.bool_)  # once: large memory is slow to get
    for at in range(0, len(page), _STEP):
        here, follows = page[at : at + _STEP], page[at + 1 : at + _STEP + 1]
        quotes += _count(np.equal(here, ord('"'), out=is_quote[: len(here)]))
        ends = np.equal(follows, ord(":"), out=ends_name[: len(follows)])
        ends &= is_quote[: len(follows)]
        after = np.flatnonzero(ends) + (at + 2)
        if np.diff(after, prepend=last).max(initial=0) > LONGEST:
            return None
        values = page.take(after, mode="clip")
        # One space is how some servers write; more, or a line break, is left to the careful path.
        if (is_space := values == ord(" ")).any():
            values = page.take(after + is_space, mode="clip")
        found += np.bincount(values, minlength=256)
        last = int(after[-1]) if len(after) else last
    account = Account(
        texts=int(found[ord('"')]),
        numbers=int(found[ord("0") : ord("9") + 1].sum() + found[ord("-")]),
        words=int(found[ord("t")] + found[ord("f")]),
        nulls=int(found[ord("n")]),
        lists=int(found[ord("[")]),
        objects=int(found[ord("{")]),
    )
    quotes -= body.count(b'\\"') if b"\\" in body else 0
    whole = len(page) - last <= LONGEST and account.members == found.sum()
    return account if whole and quotes == 2 * (account.members + account.texts) else None


def _count(mask: npt.NDArray[np.bool_]) -> int:
    return int(np.count_nonzero(mask))


def is_absurd(body: bytes) -> bool:
    """Tell whether a large page is so dense with values that reading it would fill the memory."""
    if len(body) <= _LARGE:
        return False
    page = np.frombuffer(body, np.uint8)
    commas = sum(_count(page[at : at + _SMALL] == ord(",")) for at in range(0, len(page), _SMALL))
    return commas > min(_MOST_VALUES, len(body) // 6)
