"""In production no door takes an address at a domain that no mail reaches."""

from dataclasses import replace
from typing import Any

import pytest

from models.companies import Company
from models.identity import Grant, Role
from models.ids import encode_id
from resolvers.context import Container
from services.core.contacts.email_addresses import EmailDomains
from tests.support.actors import create_client
from tests.support.city import City

ERRORS = "errors { __typename ... on Problem { path message } }"
EMAIL = "ana@mail.example"
DOORS: dict[str, dict[str, Any]] = {
    "emailSignUpRequest": {},
    "emailChangeRequest": {},
    "invitationCreate": {"role": "STORE_STAFF"},
    "supplierSave": {"code": "A1", "name": "Dairy"},
}


@pytest.mark.parametrize("door", DOORS)
async def test_an_address_that_no_mail_reaches_is_refused(
    container: Container, shared_city: City, door: str
) -> None:
    """It is a typed problem at the field; the development environment takes the same address."""
    company = shared_city.first.company.id
    values = DOORS[door] | {"email": EMAIL}
    if door in ("invitationCreate", "supplierSave"):
        values["companyId"] = encode_id(Company, company)
    document = "mutation ($input: %sInput!) { %s(input: $input) { %s } }"
    document %= (door[0].upper() + door[1:], door, ERRORS)
    grants = (Grant(Role.CUSTOMER), Grant(Role.COMPANY_ADMIN, company))
    found = {}
    for domains in EmailDomains:
        who = await create_client(replace(container, email_domains=domains), door, *grants)
        [payload] = (await who.run(document, {"input": values})).values()
        found[domains] = [one for one in payload["errors"] if one["path"] == ["input", "email"]]
    assert [one["__typename"] for one in found[EmailDomains.PUBLIC]] == ["InvalidInput"]
    assert found[EmailDomains.ANY] == []
