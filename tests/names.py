"""Names that a folder or a file may have, and that a careless library would misread."""

from __future__ import annotations

from typing import Final

NAMES: Final = (
    *("a%20b", "a%2Fb", "a%5Cb", "100%", "a%zz", "a%2520b"),
    *("a\\b", "a\nb", "a\tb", "a\x7fb", "a\x85b"),
    *("a#b", "a?b", "a*b", "a[1]", "a{b,c}", "a:b", "~", "s3:", " a ", "größe 😀", "..a"),
)
