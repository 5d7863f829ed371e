"""`python -m falusage.sample --out PATH`: write the committed sample file again."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from falusage.sample._parquet import write_sample


def main(arguments: list[str] | None = None) -> None:
    """Write the sample to the given path, and print its number of rows."""
    parser = argparse.ArgumentParser(prog="python -m falusage.sample", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, metavar="PATH")
    out: Path = parser.parse_args(arguments).out
    rows = write_sample(out)
    sys.stdout.write(f"{rows:,} rows in {out}\n")


if __name__ == "__main__":
    main()
