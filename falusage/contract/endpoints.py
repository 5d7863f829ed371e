"""What a declared endpoint is, and the lists that follow from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Final, Literal, get_type_hints

from falusage.contract.fields import Field, Role
from falusage.contract.parameters import Parameter

if TYPE_CHECKING:
    import polars as pl

Needs = Literal["a key", "billing", "root team", "enterprise"]
"""Which keys may call an endpoint: any, those that may read billing, those of the root team of an
organization, or those of an enterprise account."""

DENIED: Final[dict[Needs, str]] = {
    "a key": "the key may not read it; see what it may do on the provider's dashboard",
    "billing": "the key is without permission to read billing (billing:usage:read); keys of the "
    "presets FULL, READONLY and BILLING have it, and those of API do not",
    "root team": "the key is not a key of the organization's root team, or is without permission "
    "to read billing, or organizations are not enabled",
    "enterprise": "the account is not an enterprise account, or the key is without permission to "
    "read billing",
}
"""Why a key may not call an endpoint, as text, by what the endpoint needs."""

WORKSPACE: Final = "with a key of one workspace, use scope='workspace' (--scope workspace)"
"""What to do instead, for endpoints of an organization that a workspace has, too."""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Endpoint:
    """One endpoint of the API.

    Attributes:
        path: Its path below the base URL.
        summary: What it answers, in a sentence.
        needs: Which keys may call it.
        instead: What to do with a key that may not, in a sentence; empty if there is nothing.
        editions: The editions that are read and served; the last is the newest.
        asked: The parameters that a caller chooses, by name.
        paged: The other parameters: the range, the cursor and what to expand.
        fields: The fields of a line item, in the order of the table's columns.
        rows: The member of the answer that lists the items. Those of `time_series` are in buckets,
            beside a summary. None: the answer has no items.
        media: The media type of the answer.
        is_paged: Whether the answer has `next_cursor` and `has_more`.
        most_on_page: The most items that a page can be asked to have.
        most_days: The longest range of a request.
        derive: Returns the columns of the table that are not sent; see `derived`.
        sparse: Fields that only some answers have. They become columns after the others where
            they are sent, as unknown fields do, but without a warning.
    """

    path: str
    summary: str
    needs: Needs
    editions: tuple[int, ...]
    instead: str = ""
    asked: Mapping[str, Parameter] = field(default_factory=dict[str, Parameter])
    paged: Mapping[str, Parameter] = field(default_factory=dict[str, Parameter])
    fields: tuple[Field, ...] = ()
    rows: str | None = "time_series"
    media: str = "application/json"
    is_paged: bool = True
    most_on_page: int | None = None
    most_days: int | None = None
    derive: Callable[[], Mapping[str, pl.Expr]] = dict
    sparse: tuple[Field, ...] = ()

    def __repr__(self) -> str:
        return f"Endpoint({self.path})"

    @property
    def derived(self) -> Mapping[str, pl.Expr]:
        """Columns of the table that are not sent, as expressions over those that are."""
        return self.derive()

    @property
    def in_buckets(self) -> bool:
        """Whether its items are in buckets, beside a summary."""
        return self.rows == "time_series"

    @property
    def parameters(self) -> dict[str, Parameter]:
        """Every parameter, by name."""
        return {**self.paged, **self.asked}

    @property
    def columns(self) -> dict[str, pl.DataType]:
        """The table's columns with their types."""
        return {each.name: each.dtype for each in self.fields}

    @cached_property
    def items(self) -> Mapping[str, pl.DataType]:
        """The members of an item as the API sends it, over all editions, with their types."""
        import polars as pl

        found: dict[str, pl.DataType] = {}
        for each in self.fields:
            if each.within is None:
                found |= dict.fromkeys(each.names, each.sent_dtype)
            elif each.within not in found:
                found[each.within] = pl.Struct(self.inside(each.within))
        return found

    @property
    def sparse_names(self) -> frozenset[str]:
        """The names of the fields that only some answers have."""
        return frozenset(each.name for each in self.sparse)

    @property
    def objects(self) -> tuple[str, ...]:
        """The members of an item that are objects."""
        return tuple(dict.fromkeys(each.within for each in self.fields if each.within))

    def inside(self, member: str) -> dict[str, pl.DataType]:
        """Return the members of an object inside an item, with their types."""
        return {
            name: each.sent_dtype
            for each in self.fields
            if each.within == member
            for name in each.names
        }

    def named(self, *roles: Role) -> tuple[str, ...]:
        """Return the columns with one of the roles, in order."""
        return tuple(each.name for each in self.fields if each.role in roles)

    def numbers(self) -> tuple[str, ...]:
        """Return the columns of numbers, in order."""
        return tuple(each.name for each in self.fields if each.is_number)

    def required(self, *, in_summary: bool = False) -> tuple[str, ...]:
        """Return the columns that every row must have, in order.

        A row of a summary needs no rates, such as prices.
        """
        return tuple(
            each.name
            for each in self.fields
            if each.required and not (in_summary and each.role == "rate")
        )

    def in_edition(self, edition: int) -> dict[str, Field]:
        """Return the names that an edition sends, each with its field, in order."""
        return {
            name: each
            for each in self.fields
            for name, since in each.names.items()
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
