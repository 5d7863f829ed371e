"""The declaration says what CONTRACT.md says; the lists that follow from one are as declared."""

from __future__ import annotations

from typing import Annotated, TypedDict

import polars as pl
import pytest

from falusage.contract import ORGANIZATION_USAGE, Endpoint, Field, Parameter
from falusage.contract.endpoints import declared

# Transcribed from CONTRACT.md, "Its answer" and "Editions": what an item of each edition has.
ALWAYS = "username product endpoint_id unit quantity unit_price cost currency"
FIRST = "username endpoint_id unit quantity unit_price cost currency auth_method"
SECOND = f"{FIRST} product"
THIRD = f"{SECOND} detail api_key_id login_username"
FOURTH = f"{THIRD} percent_discount cost_subtotal cost_discount cost_total"

# Transcribed from CONTRACT.md, "The request".
ASKED = (
    "limit cursor start end timezone timeframe bound_to_timeframe endpoint_id team_username "
    "expand auth_method"
)
PARAMETERS = {
    2: f"{ASKED} product",
    3: f"{ASKED} product api_key_id auth_method_structured",
    4: f"{ASKED} product api_key_id auth_method_structured",
}


@pytest.mark.parametrize(("edition", "names"), [(1, FIRST), (2, SECOND), (3, THIRD), (4, FOURTH)])
def test_an_edition_has_the_fields_of_the_contract(edition: int, names: str) -> None:
    """Each under the names that the API sends, and no other."""
    assert set(names.split()) == set(ORGANIZATION_USAGE.in_edition(edition))


@pytest.mark.parametrize(("edition", "names"), list(PARAMETERS.items()))
def test_an_edition_takes_the_parameters_of_the_contract(edition: int, names: str) -> None:
    """Each of them, and no other."""
    assert set(names.split()) == set(ORGANIZATION_USAGE.parameters_in(edition))


def test_parameters_have_the_bounds_of_the_contract() -> None:
    """Fifty ids at most; one team in edition 2 and several later; four lists that filter."""
    found = ORGANIZATION_USAGE.parameters
    bounds = {name: each.most for name, each in found.items() if each.most}
    assert {"endpoint_id": 50, "api_key_id": 50} == bounds
    team = found["team_username"]
    assert [True, False, False] == [team.takes_one(edition) for edition in (2, 3, 4)]
    assert ("model_apis", "serverless", "compute") == found["product"].choices
    filters = {name: each.column for name, each in found.items() if each.column}
    assert filters == {
        "endpoint_id": "endpoint_id",
        "team_username": "username",
        "product": "product",
        "api_key_id": "api_key_id",
    }
    assert {"limit", "cursor"} == {name for name, each in found.items() if each.per_page}


def test_defaults_are_those_of_the_contract() -> None:
    """UTC, bound to the timeframe, and the time series alone."""
    found = {name: each.default for name, each in ORGANIZATION_USAGE.parameters.items()}
    assert ("UTC", True, ("time_series",)) == (
        found["timezone"],
        found["bound_to_timeframe"],
        found["expand"],
    )


def test_fields_have_the_ranges_of_the_contract() -> None:
    """A percentage is at most 100 and may be null; a currency has three letters."""
    fields = {field.name: field for field in ORGANIZATION_USAGE.fields}
    at_most = {name: field.at_most for name, field in fields.items() if field.at_most}
    letters = {name: field.letters for name, field in fields.items() if field.letters}
    assert ({"percent_discount": 100.0}, {"currency": 3}) == (at_most, letters)
    assert ["percent_discount"] == [name for name, field in fields.items() if field.nullable]
    assert {"cost_total": 4, "cost": 1} == dict(fields["cost"].names)


def test_what_no_row_may_lack() -> None:
    """What every edition sends; a summary may lack the price, because no sum is made of it."""
    assert tuple(ALWAYS.split()) == ORGANIZATION_USAGE.required()
    without_price = ALWAYS.replace("unit_price ", "")
    assert tuple(without_price.split()) == ORGANIZATION_USAGE.required(in_summary=True)


class Asked(TypedDict, total=False):
    """What a made-up endpoint takes."""

    place: Annotated[str, Parameter(kind="names", help="Where.", column="place", default=())]
    depth: Annotated[int, Parameter(kind="count", help="How deep.", since=3)]


MADE_UP = Endpoint(
    path="/made-up",
    summary="A made-up endpoint.",
    needs="a key",
    editions=(2, 3),
    asked=declared(Asked),
    paged={"cursor": Parameter(kind="opaque", help="Where to go on.")},
    fields=(
        Field("place", "key", "where"),
        Field("price", "rate", "how much each", dtype=pl.Float64(), sent_as={"net": 3, "price": 2}),
        Field("depth", "amount", "how deep", dtype=pl.Float64(), required=False, since=3),
        Field("is_dark", "label", "whether it is dark", dtype=pl.Boolean(), since=3),
        Field("who", "caller", "who", within="caller", sent_as={"id": 3}, expand="caller"),
        Field("name", "caller", "their name", within="caller", since=3, expand="caller"),
    ),
)


def test_a_declared_endpoint_has_columns_and_members() -> None:
    """Columns have our names; members have the API's, with objects whole."""
    text, number, truth = pl.String(), pl.Float64(), pl.Boolean()
    caller = {"id": text, "name": text}
    assert ["place", "price", "depth", "is_dark", "who", "name"] == list(MADE_UP.columns)
    assert MADE_UP.items == {
        "place": text,
        "net": number,
        "price": number,
        "depth": number,
        "is_dark": truth,
        "caller": pl.Struct(caller),
    }
    assert (("caller",), caller) == (MADE_UP.objects, MADE_UP.inside("caller"))


def test_a_declared_endpoint_sorts_its_fields_by_role_and_edition() -> None:
    """Roles, numbers, what is required, and what each edition sends."""
    assert ("place", "is_dark") == MADE_UP.named("key", "label")
    assert ("price", "depth") == MADE_UP.numbers()
    assert ("place", "price", "is_dark", "who", "name") == MADE_UP.required()
    assert ("place", "is_dark", "who", "name") == MADE_UP.required(in_summary=True)
    assert ["place", "price"] == list(MADE_UP.in_edition(2))
    later = ["place", "net", "price", "depth", "is_dark", "id", "name"]
    assert later == list(MADE_UP.in_edition(3))


def test_a_declared_endpoint_has_its_parameters_by_edition() -> None:
    """Those of the TypedDict, and those of paging."""
    assert ["cursor", "place"] == list(MADE_UP.parameters_in(2))
    assert ["cursor", "place", "depth"] == list(MADE_UP.parameters_in(3))
    assert ("Where.", "names") == (MADE_UP.asked["place"].help, MADE_UP.asked["place"].kind)
    assert [False, True] == [MADE_UP.asked[name].takes_one(3) for name in ("place", "depth")]
