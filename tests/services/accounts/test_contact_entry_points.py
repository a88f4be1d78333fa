"""One person, however a phone or an address is written, by every way in."""

import secrets

import pytest

from database.audit import AuditContext
from database.scope import PLATFORM
from models.accounts import User
from models.companies import Company
from models.identity import Grant, Role
from models.ids import encode_id
from resolvers.context import Container
from services.identity.passwords import hash_password
from tests.services.accounts.test_invitations import invite
from tests.support.actors import ActorClient, InMemorySms, create_client
from tests.support.city import City
from tests.support.graph_queries import operation
from tests.support.mailbox import Mailbox
from tests.workflows.identity.test_sign_in import PASSWORD, REQUEST, VERIFY

SUPPLIER = """mutation ($input: SupplierCreateInput!) { supplierCreate(input: $input) {
  supplier { phone email } errors { __typename ... on Problem { path } } } }"""
CHANGE = operation("phone_change")


def portuguese() -> str:
    return f"91{secrets.randbelow(10**7):07}"


def spellings(national: str) -> list[str]:
    start, end = national[:3], national[3:]
    return [
        f"+351{national}", f"00351 {start} {end}", f"\u202a+351 {start}-{end}\u202c",
        f"(+351) {start}.{end}", f"tel:+351{national}",
    ]  # fmt: skip


async def test_a_person_signs_in_however_the_phone_is_written(
    nobody: ActorClient, sms: InMemorySms
) -> None:
    """Each way to write it became a person of its own, or was refused."""
    national = portuguese()
    people = set()
    for phone in spellings(national)[:4]:
        assert not (await nobody.run(REQUEST, {"phone": phone}))["otpRequest"]["errors"]
        code = sms.code(f"+351{national}")
        tokens = await nobody.run(VERIFY, {"phone": phone, "code": code})
        people.add(tokens["otpSignIn"]["user"]["id"])
    assert len(people) == 1


@pytest.mark.parametrize("phone", ["+9999999", "+351000000000", "+1 900 555 1234", "112"])
async def test_no_message_is_sent_to_what_is_no_phone_of_a_person(
    phone: str, nobody: ActorClient, manager: ActorClient, customer: ActorClient,
    shared_city: City, sms: InMemorySms,
) -> None:  # fmt: skip
    """`+9999999` was sent a code, which costs money and reaches nobody."""
    sent = len(sms.sent)
    payloads = [
        (await nobody.run(REQUEST, {"phone": phone}))["otpRequest"],
        (await nobody.run(VERIFY, {"phone": phone, "code": "123456"}))["otpSignIn"],
        (await customer.run(CHANGE, {"input": {"phone": phone, "code": "123456"}}))["phoneChange"],
        await invite(manager, shared_city, phone=phone),
    ]
    assert [[one["__typename"] for one in each["errors"]] for each in payloads] == [
        ["InvalidInput"]
    ] * len(payloads)
    assert len(sms.sent) == sent


@pytest.mark.parametrize("nth", range(6))
async def test_an_invitation_is_for_the_person_however_the_phone_is_written(
    nth: int, manager: ActorClient, shared_city: City
) -> None:
    """The store is in Portugal: a number without a country code is one of there."""
    national = portuguese()
    phone = [*spellings(national), f"{national[:3]} {national[3:6]} {national[6:]}"][nth]
    created = await invite(manager, shared_city, phone=phone)
    assert created["invitation"]["phone"] == f"+351{national}"
    again = await invite(manager, shared_city, phone=f"+351{national}")
    assert again["invitation"]["id"] == created["invitation"]["id"]


async def test_a_supplier_is_reached_however_the_phone_is_written(
    manager: ActorClient, shared_city: City
) -> None:
    """Also one of the company's country, and one that takes no text messages."""
    company = encode_id(Company, shared_city.company.id)
    forms = {"220 000 000": "+351220000000", "0044 20 7946 0958": "+442079460958",
             "+351 800 200 200": "+351800200200"}  # fmt: skip
    for phone, form in forms.items():
        fields = {"companyId": company, "code": secrets.token_hex(4), "name": "Lacto",
                  "phone": phone, "email": "Orders@M\u00dcNCHEN.example"}  # fmt: skip
        [saved] = (await manager.run(SUPPLIER, {"input": fields})).values()
        assert saved["supplier"] == {"phone": form, "email": "orders@xn--mnchen-3ya.example"}


ADDRESSES = ["a@b..com", "<a@x.com>", "Ann <a@x.com>", "a@x", "a@x.com\u2028b@x.com"]


@pytest.mark.parametrize("address", ADDRESSES)
async def test_no_mail_is_sent_to_what_is_no_address(
    address: str, nobody: ActorClient, customer: ActorClient, manager: ActorClient,
    shared_city: City,
) -> None:  # fmt: skip
    """`a@b..com` and `<a@x.com>` were accepted."""
    for name, who in (
        ("email_sign_up_request", nobody), ("password_reset_request", nobody),
        ("email_change_request", customer),
    ):  # fmt: skip
        [payload] = (await who.run(operation(name), {"input": {"email": address}})).values()
        assert [one["__typename"] for one in payload["errors"]] == ["InvalidInput"], name
    invited = await invite(manager, shared_city, email=address)
    assert [one["__typename"] for one in invited["errors"]] == ["InvalidInput"]


async def test_an_address_is_one_in_unicode_and_in_ascii(
    container: Container, nobody: ActorClient, manager: ActorClient, shared_city: City
) -> None:
    """A domain typed in its own script and in ASCII became two persons with one mailbox."""
    name = secrets.token_hex(6)
    invited = [
        await invite(manager, shared_city, email=f"{name}@{domain}")
        for domain in ("m\u00fcnchen.example", "xn--mnchen-3ya.example", "M\u00dcNCHEN.EXAMPLE")
    ]
    assert len({one["invitation"]["id"] for one in invited}) == 1
    assert invited[0]["invitation"]["email"] == f"{name}@xn--mnchen-3ya.example"
    mailbox = Mailbox(container)
    assert await mailbox.texts(f"{name}@xn--mnchen-3ya.example")


async def test_a_password_signs_in_with_marks_and_capitals_around_the_address(
    container: Container, nobody: ActorClient
) -> None:
    """A phone's keyboard writes a capital and the clipboard adds marks: the owner was refused."""
    client = await create_client(container, "Ann", Grant(Role.CUSTOMER))
    address = f"{secrets.token_hex(6)}@xn--mnchen-3ya.example"
    async with container.database.write(PLATFORM, AuditContext("test")) as session:
        person = await session.get_one(User, client.id)
        person.email, person.password_hash = address, hash_password("a rather long one")
    unicode = address.replace("xn--mnchen-3ya", "M\u00fcnchen")
    for written in (address, f" {address.upper()}\u200b", unicode):
        values = {"email": written, "password": "a rather long one"}
        tokens = (await nobody.run(PASSWORD, values))["passwordSignIn"]
        assert tokens["user"]["id"] == encode_id(User, client.id), written
