"""Companies are opened by super admins, with particulars that hold."""

import secrets
from typing import Any

import pytest

from tests.support.actors import Standing

CREATE = """mutation ($input: CompanyCreateInput!) { companyCreate(input: $input) {
  company { id name slug currency taxRateBp minimumOrder { minor } }
  errors { __typename ... on Problem { path } } } }"""


def called(**changes: Any) -> dict[str, Any]:
    slug = f"shop-{secrets.token_hex(4)}"
    return {"input": {"name": "New shop", "slug": slug, "currency": "EUR", **changes}}


@pytest.fixture
def somebody(request: pytest.FixtureRequest) -> Standing:
    """One of the standing people, by the name of their fixture."""
    found: Standing = request.getfixturevalue(request.param)
    return found


async def test_a_super_admin_opens_a_company(super_admin: Standing) -> None:
    given = called(minimumOrderMinor=1000, taxRateBp=2300)
    made = (await super_admin.run(CREATE, given))["companyCreate"]
    assert made["errors"] == []
    assert made["company"].pop("id").startswith("com_")
    assert made["company"] == {
        "name": "New shop", "slug": given["input"]["slug"], "currency": "EUR", "taxRateBp": 2300,
        "minimumOrder": {"minor": 1000},
    }  # fmt: skip
    again = (await super_admin.run(CREATE, given))["companyCreate"]
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
        ({"taxRateBp": -1}, "taxRateBp"),
        ({"taxRateBp": 10_001}, "taxRateBp"),
        ({"deliveryFeeMinor": -1}, "deliveryFeeMinor"),
        ({"freeDeliveryFromMinor": 10**15}, "freeDeliveryFromMinor"),
    ],
)
async def test_particulars_that_can_not_hold_are_named(
    changes: dict[str, Any], field: str, super_admin: Standing
) -> None:
    made = (await super_admin.run(CREATE, called(**changes)))["companyCreate"]
    assert made["company"] is None
    assert made["errors"] == [{"__typename": "InvalidInput", "path": ["input", field]}]


@pytest.mark.parametrize(
    "somebody",
    ["nobody", "customer", "rider", "picker", "manager", "company_admin", "support_agent"],
    indirect=True,
)
async def test_nobody_else_opens_companies(somebody: Standing) -> None:
    denied = {"UNAUTHENTICATED"} if not somebody.actor.signed_in else {"FORBIDDEN"}
    assert await somebody.codes(CREATE, called()) == denied
