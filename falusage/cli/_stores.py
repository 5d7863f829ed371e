"""The option that names a store, which its commands share."""

from __future__ import annotations

from typing import Final

import click

from falusage.cli._completion import folder

store_option: Final = click.option(
    "--store",
    "place",
    required=True,
    metavar="DIR",
    shell_complete=folder,
    help="The store's folder, or its address (s3://, gs://, az://).",
)
