"""The members of a page's JSON objects, counted from its bytes without parsing.

A member of a JSON object is a quoted name, a colon and a value, and the first byte of the value
shows its type. So the members of each type can be counted with a few passes of numpy. A reader
that took `n` texts and `m` numbers out of a page has lost nothing if, and only if, the bytes have
as many and no further quotes.

On a page of 10,000 rows (1.7 MB) counting takes 2 ms. It saves the strict reader's 435 ms.
"""

from __future__ import annotations

from collections import Counter
from typing import Final

import numpy as np
import numpy.typing as npt

LONGEST: Final = 100
"""The most bytes from a value that is not a text to the next. Longer ones may hide something."""

LONGEST_TEXT: Final = 1_000
"""The same from a text, such as a cursor."""

_MOST_VALUES: Final = 4_000_000
_LARGE: Final = 2**21
_SMALL: Final = 2**16
_STEP: Final = 2**18

Members = Counter[str]
"""How many members there are whose values are `texts`, `numbers`, `words` (true or false),
`nulls`, `lists` and `objects`."""


def count_members(body: bytes) -> Members | None:
    """Count the members of a page's objects, or return None if the page looks unusual.

    An unusual page may be valid JSON: other spacing, a list of texts, a value longer than names
    and numbers are.
    """
    page = np.frombuffer(body, np.uint8)
    found = np.zeros(256, np.intp)
    quotes = last = 0
    is_quote, ends_name = np.empty((2, _STEP), np.bool_)  # once: large memory is slow to get
    for at in range(0, len(page), _STEP):
        here, follows = page[at : at + _STEP], page[at + 1 : at + _STEP + 1]
        quotes += int(np.count_nonzero(np.equal(here, ord('"'), out=is_quote[: len(here)])))
        ends = np.equal(follows, ord(":"), out=ends_name[: len(follows)])
        ends &= is_quote[: len(follows)]
        after = np.flatnonzero(ends) + (at + 2)
        lengths = np.diff(after, prepend=last)
        if lengths.max(initial=0) > LONGEST:
            starts = np.concatenate(([last], after[:-1]))[lengths > LONGEST]
            if lengths.max() > LONGEST_TEXT or not _are_texts(page, starts):
                return None
        values = page.take(after, mode="clip")
        # Some servers write one space. More, or a line break, is left to the strict reader.
        if (is_space := values == ord(" ")).any():
            values = page.take(after + is_space, mode="clip")
        found += np.bincount(values, minlength=256)
        last = int(after[-1]) if len(after) else last
    members = Counter(
        texts=int(found[ord('"')]),
        numbers=int(found[ord("0") : ord("9") + 1].sum() + found[ord("-")]),
        words=int(found[ord("t")] + found[ord("f")]),
        nulls=int(found[ord("n")]),
        lists=int(found[ord("[")]),
        objects=int(found[ord("{")]),
    )
    quotes -= body.count(b'\\"') if b"\\" in body else 0
    ends = _are_texts(page, np.array([last])) if last else False
    is_whole = len(page) - last <= (LONGEST_TEXT if ends else LONGEST)
    is_whole = is_whole and members.total() == found.sum()
    return members if is_whole and quotes == 2 * (members.total() + members["texts"]) else None


def _are_texts(page: npt.NDArray[np.uint8], starts: npt.NDArray[np.intp]) -> bool:
    """Return whether every value that starts there is a text, such as a long cursor."""
    values = page.take(starts, mode="clip")
    values = np.where(values == ord(" "), page.take(starts + 1, mode="clip"), values)
    return bool((values == ord('"')).all())


def is_too_dense(body: bytes) -> bool:
    """Return whether a large page has so many values that reading it would fill the memory."""
    if len(body) <= _LARGE:
        return False
    page = np.frombuffer(body, np.uint8)
    steps = (page[at : at + _SMALL] for at in range(0, len(page), _SMALL))
    commas = sum(int(np.count_nonzero(step == ord(","))) for step in steps)
    return commas > min(_MOST_VALUES, len(body) // 6)
