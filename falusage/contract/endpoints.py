"""What a declared endpoint is, and the lists that follow from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_type_hints

import polars as pl

from falusage.contract.fields import Field, Role
from falusage.contract.parameters import Parameter


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One endpoint of the API.

    Attributes:
        path: Its path below the base URL.
        summary: What it answers, in a sentence.
        editions: The editions that are read and served; the last is the newest.
        asked: The parameters that a caller chooses, by name.
        paged: The other parameters: the range, the cursor and what to expand.
        fields: The fields of a line item, in the order of the table's columns.
    """

    path: str
    summary: str
    editions: tuple[int, ...]
    asked: Mapping[str, Parameter]
    paged: Mapping[str, Parameter]
    fields: tuple[Field, ...]

    @property
    def parameters(self) -> dict[str, Parameter]:
        """Every parameter, by name."""
        return {**self.paged, **self.asked}

    @property
    def columns(self) -> dict[str, pl.DataType]:
        """The table's columns with their types."""
        return {field.name: field.dtype for field in self.fields}

    @property
    def items(self) -> dict[str, pl.DataType]:
        """The members of an item as the API sends it, over all editions, with their types."""
        found: dict[str, pl.DataType] = {}
        for field in self.fields:
            if field.within is None:
                found |= dict.fromkeys(field.names, field.dtype)
            elif field.within not in found:
                found[field.within] = pl.Struct(self.inside(field.within))
        return found

    @property
    def objects(self) -> tuple[str, ...]:
        """The members of an item that are objects."""
        return tuple(dict.fromkeys(field.within for field in self.fields if field.within))

    def inside(self, member: str) -> dict[str, pl.DataType]:
        """Return the members of an object inside an item, with their types."""
        return {
            name: field.dtype
            for field in self.fields
            if field.within == member
            for name in field.names
        }

    def named(self, *roles: Role) -> tuple[str, ...]:
        """Return the columns with one of the roles, in order."""
        return tuple(field.name for field in self.fields if field.role in roles)

    def filters(self, asked: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the filters among what was asked, as text: the column and its values.

        >>> from falusage.contract import ORGANIZATION_USAGE
        >>> ORGANIZATION_USAGE.filters({"team_username": ("ads", "labs"), "product": ()})
        ('username: ads, labs',)
        """
        return tuple(
            f"{parameter.column}: {', '.join(asked[name])}"
            for name, parameter in self.asked.items()
            if parameter.column and asked.get(name)
        )

    def numbers(self) -> tuple[str, ...]:
        """Return the columns of numbers, in order."""
        return tuple(field.name for field in self.fields if field.is_number)

    def required(self, *, in_summary: bool = False) -> tuple[str, ...]:
        """Return the columns that every row must have, in order.

        A row of a summary needs no rates, such as prices.
        """
        return tuple(
            field.name
            for field in self.fields
            if field.required and not (in_summary and field.role == "rate")
        )

    def in_edition(self, edition: int) -> dict[str, Field]:
        """Return the names that an edition sends, each with its field, in order."""
        return {
            name: field
            for field in self.fields
            for name, since in field.names.items()
            if since <= edition
        }

    def parameters_in(self, edition: int) -> dict[str, Parameter]:
        """Return the parameters that an edition takes, by name."""
        return {
            name: parameter
            for name, parameter in self.parameters.items()
            if parameter.since <= edition
        }


def declared(parameters: type) -> dict[str, Parameter]:
    """Return the parameters that a TypedDict declares in its annotations.

    As a TypedDict, the declaration is data, and a signature for type checkers.
    """
    hints = get_type_hints(parameters, include_extras=True)
    return {name: hint.__metadata__[0] for name, hint in hints.items()}
