"""Files that a command reads or writes, as types of options."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, cast

import click

FILE: Final = click.Path(dir_okay=False, path_type=Path)


class OutFile(click.Path):
    """A file to write, with one of the given endings; its folder is checked at once."""

    def __init__(self, *endings: str, otherwise: str = "") -> None:
        """Set the valid endings, and a hint for any other ending."""
        super().__init__(dir_okay=False, path_type=Path)
        self._endings, self._otherwise = endings, otherwise

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Return the path, or fail before anything is fetched."""
        path = cast("Path", super().convert(value, param, ctx))
        if path.suffix not in self._endings:
            *others, last = self._endings
            endings = f"{', '.join(others)} or {last}" if others else last
            self.fail(f"{path} does not end in {endings}{self._otherwise}", param, ctx)
        return _placed(path)


class PageFile(click.Path):
    """A page of HTML to write; its folder is checked at once."""

    def __init__(self) -> None:
        super().__init__(dir_okay=False, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Return the path, or fail before anything is fetched."""
        from falusage._files import require_page
        from falusage.errors import QueryError

        path = cast("Path", super().convert(value, param, ctx))
        try:
            require_page(path)
        except QueryError as error:
            self.fail(str(error), param, ctx)
        return _placed(path)


def _placed(path: Path) -> Path:
    """Return a path to write, so that the path that is printed is that of the file."""
    from falusage._files import require_place

    place = require_place(path)
    return place if ".." in path.parts else path
