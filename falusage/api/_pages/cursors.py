"""Pages followed from one cursor to the next, with limits that no healthy answer reaches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, Protocol, TypeVar

from falusage.errors import PaginationError

EMPTY_PAGES: Final = 100
"""The most pages without a row that are followed in a row."""

PAGES: Final = 10_000
"""The most pages of one window."""


class Followed(Protocol):
    """A page, as far as following it goes."""

    @property
    def next_cursor(self) -> str | None:
        """The cursor of the next page, or None at the end."""
        ...

    @property
    def row_count(self) -> int:
        """How many items the cursor went over."""
        ...


AnyPage = TypeVar("AnyPage", bound=Followed)


def follow(
    fetch: Callable[[str | None], AnyPage],
    *,
    window: tuple[str, str] | None = None,
    where: str = "",
) -> Iterator[AnyPage]:
    """Yield all pages of one request, one cursor after the other.

    Args:
        fetch: Returns the page at a cursor; None is the first page.
        window: The range of the request, for the error.
        where: What is paged, for the error; by default the window.

    Raises:
        PaginationError: A cursor came twice, or there is no end.
    """
    where = where or f"the window {' to '.join(window or ())}"
    seen: set[str] = set()
    cursor: str | None = None
    empty = 0
    for _ in range(PAGES):
        page = fetch(cursor)
        yield page
        cursor = page.next_cursor
        if cursor is None:
            return
        if cursor in seen:
            raise PaginationError(
                f"cursor {cursor!r} came twice in {where}", cursor=cursor, window=window
            )
        seen.add(cursor)
        empty = 0 if page.row_count else empty + 1
        if empty > EMPTY_PAGES:
            break
    too_empty = empty > EMPTY_PAGES
    what = f"{EMPTY_PAGES} empty pages in a row" if too_empty else f"{PAGES:,} pages"
    raise PaginationError(f"{what} without an end in {where}", cursor=cursor, window=window)
