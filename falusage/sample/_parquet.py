"""Two weeks of the sample as one small Parquet file.

There is one copy, `data/sample-usage.parquet`. A checkout and an editable install read it there; a
wheel has it next to this module. `python -m falusage.sample --out PATH` writes it again.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from falusage.errors import ConfigError
from falusage.sample._usage import sample_usage

_NAME: Final = "sample-usage.parquet"
_START: Final = "2025-06-10"
_END: Final = "2025-06-24"


def sample_path() -> Path:
    """Return the path of the installed sample: 14 days of hours from 2025-06-10, in UTC.

    Raises:
        ConfigError: If the file was removed from the installation.

    >>> import polars as pl
    >>> pl.read_parquet(sample_path()).height
    19242
    """
    here = Path(__file__).parent
    for place in (here / _NAME, here.parents[1] / "data" / _NAME):
        if place.is_file():
            return place
    raise ConfigError(
        f"{_NAME} is not installed beside {here}; reinstall falusage, "
        "or make the file with `python -m falusage.sample --out PATH`"
    )


def write_sample(out: Path) -> int:
    """Write the table of `sample_path` to `out`, and return its number of rows."""
    usage = sample_usage(start=_START, end=_END).usage
    usage.write_parquet(out, compression="zstd", compression_level=19)
    return usage.height
