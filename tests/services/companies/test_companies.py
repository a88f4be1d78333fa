"""Super admins create companies with valid properties."""

import secrets
from typing import Any

import pytest

from resolvers.context import Container
from tests.support.actors import ActorClient

CREATE = """mutation ($input: CompanyCreateInput!) { companyCreate(input: $input) {
  company { id name slug currency taxRateBasisPoints minimumOrder { minorUnits } }
  errors { __typename ... on Problem { path } } } }"""


def company_input(**changes: Any) -> dict[str, Any]:
    slug = f"shop-{secrets.token_hex(4)}"
    return {"input": {"name": "New shop", "slug": slug, "currency": "EUR", **changes}}


@pytest.fixture
def somebody(request: pytest.FixtureRequest, container: Container) -> ActorClient:
    """A shared client, by the name of its fixture, which needs the container."""
    result: ActorClient = request.getfixturevalue(request.param)
    return result


async def test_a_super_admin_creates_a_company(super_admin: ActorClient) -> None:
    variables = company_input(minimumOrderMinor=1000, taxRateBasisPoints=2300)
    payload = (await super_admin.run(CREATE, variables))["companyCreate"]
    assert payload["errors"] == []
    assert payload["company"].pop("id").startswith("com_")
    assert payload["company"] == {
        "name": "New shop",
        "slug": variables["input"]["slug"],
        "currency": "EUR",
        "taxRateBasisPoints": 2300,
        "minimumOrder": {"minorUnits": 1000},
    }
    again = (await super_admin.run(CREATE, variables))["companyCreate"]
    assert again["company"] is None
    assert again["errors"] == [{"__typename": "SlugTaken", "path": ["input", "slug"]}]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"slug": "No Slug"}, "slug"),
        ({"slug": "-x"}, "slug"),
        ({"slug": "x" * 61}, "slug"),
        ({"currency": "EURO"}, "currency"),
        ({"currency": ""}, "currency"),
        ({"taxRateBasisPoints": -1}, "taxRateBasisPoints"),
        ({"taxRateBasisPoints": 10_001}, "taxRateBasisPoints"),
        ({"deliveryFeeMinor": -1}, "deliveryFeeMinor"),
        ({"freeDeliveryThresholdMinor": 10**15}, "freeDeliveryThresholdMinor"),
    ],
)
async def test_every_invalid_field_is_reported(
    changes: dict[str, Any], field: str, super_admin: ActorClient
) -> None:
    payload = (await super_admin.run(CREATE, company_input(**changes)))["companyCreate"]
    assert payload["company"] is None
    assert payload["errors"] == [{"__typename": "InvalidInput", "path": ["input", field]}]


@pytest.mark.parametrize(
    "somebody",
    ["nobody", "customer", "rider", "picker", "manager", "company_admin", "support_agent"],
    indirect=True,
)
async def test_only_super_admins_create_companies(somebody: ActorClient) -> None:
    denied = {"UNAUTHENTICATED"} if not somebody.actor.signed_in else {"FORBIDDEN"}
    assert await somebody.codes(CREATE, company_input()) == denied
