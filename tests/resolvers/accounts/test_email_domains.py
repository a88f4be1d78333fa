"""In production no mutation takes an address at a domain that no mail reaches."""

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
ENTRY_POINTS: dict[str, dict[str, Any]] = {
    "emailSignUpRequest": {"email": EMAIL},
    "emailChangeRequest": {"email": EMAIL},
    "invitationCreate": {"role": "STORE_STAFF", "contact": {"email": EMAIL}},
    "supplierCreate": {"code": "A1", "name": "Dairy", "email": EMAIL},
}


@pytest.mark.parametrize("mutation", ENTRY_POINTS)
async def test_an_address_that_no_mail_reaches_is_refused(
    container: Container, shared_city: City, mutation: str
) -> None:
    """It is a typed problem at the field; the development environment takes the same address."""
    company = shared_city.first.company.id
    values = dict(ENTRY_POINTS[mutation])
    if mutation in ("invitationCreate", "supplierCreate"):
        values["companyId"] = encode_id(Company, company)
    document = "mutation ($input: %sInput!) { %s(input: $input) { %s } }"
    document %= (mutation[0].upper() + mutation[1:], mutation, ERRORS)
    grants = (Grant(Role.CUSTOMER), Grant(Role.COMPANY_ADMIN, company))
    found = {}
    for domains in EmailDomains:
        who = await create_client(replace(container, email_domains=domains), mutation, *grants)
        [payload] = (await who.run(document, {"input": values})).values()
        found[domains] = [one for one in payload["errors"] if one["path"][-1] == "email"]
    assert [one["__typename"] for one in found[EmailDomains.PUBLIC]] == ["InvalidInput"]
    assert found[EmailDomains.ANY] == []
