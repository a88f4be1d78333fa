"""A role for somebody is an invitation that the invited accepts."""

import secrets
from typing import Any

from sqlalchemy import func, select

from database.audit import AuditContext
from database.scope import PLATFORM
from models.accounts import Invitation, Membership, User
from models.companies import Company
from models.identity import Role
from models.ids import decode_id, encode_id
from models.stores import Store
from resolvers.context import Container
from services.accounts.invitation_answers import DUE_INVITATIONS, expire_invitation
from tests.support.actors import ActorClient, InMemorySms
from tests.support.city import City
from tests.support.mailbox import Mailbox
from tests.workflows.identity.test_sign_in import PASSWORD, new_phone, sign_in

FIELDS = "id role status phone email company { id } store { id } availableActions messageStatus"
ERRORS = "errors { __typename ... on Problem { path message } }"
CREATE = f"""mutation ($input: InvitationCreateInput!) {{
  invitationCreate(input: $input) {{ invitation {{ {FIELDS} }} {ERRORS} }} }}"""
RESEND = f"""mutation ($id: ID!) {{
  invitationResend(input: {{ invitationId: $id }}) {{ invitation {{ {FIELDS} }} {ERRORS} }} }}"""
REVOKE = f"""mutation ($id: ID!) {{
  invitationRevoke(input: {{ invitationId: $id }}) {{ invitation {{ {FIELDS} }} {ERRORS} }} }}"""
ACCEPT = f"""mutation ($input: InvitationAcceptInput!) {{
  invitationAccept(input: $input) {{
    invitation {{ {FIELDS} roleAssignment {{ id role }} }} {ERRORS} }} }}"""
DECLINE = f"""mutation ($input: InvitationDeclineInput!) {{
  invitationDecline(input: $input) {{ invitation {{ {FIELDS} }} {ERRORS} }} }}"""
LIST = f"""query ($company: ID, $status: InvitationStatus) {{
  invitations(companyId: $company, status: $status, first: 100) {{
    nodes {{ {FIELDS} roleAssignment {{ id user {{ name email }} }} }} }} }}"""
OWN = f"{{ viewer {{ invitations {{ {FIELDS} }} }} }}"
BY_LINK = f"query ($token: String!) {{ invitationByLink(token: $token) {{ {FIELDS} }} }}"
LONG = "correct horse battery"


def new_email() -> str:
    return f"{secrets.token_hex(6)}@example.org"


def error_type(payload: Any) -> str | None:
    """Return the type of the only error, None without an error."""
    assert bool(payload["errors"]) == (payload["invitation"] is None)
    return payload["errors"][0]["__typename"] if payload["errors"] else None


async def invite(who: ActorClient, city: City, role: str = "STORE_STAFF", **contact: str) -> Any:
    """Invite somebody to the store `near`, or to the company; return the payload."""
    company = encode_id(Company, city.company.id)
    values = {"role": role, "companyId": company, "contact": contact}
    if role in ("STORE_STAFF", "STORE_MANAGER"):
        values["storeId"] = encode_id(Store, city.near.id)
    return (await who.run(CREATE, {"input": values}))["invitationCreate"]


async def accept(who: ActorClient, **input: str) -> Any:
    return (await who.run(ACCEPT, {"input": input}))["invitationAccept"]


async def count_people(container: Container) -> int:
    async with container.database.read(PLATFORM) as session:
        return await session.scalar(select(func.count()).select_from(User)) or 0


async def test_an_invitation_tells_nothing_of_the_invited_and_makes_no_person(
    manager: ActorClient, shared_city: City, known: ActorClient, container: Container
) -> None:
    """A manager could look up anybody: one phone gave name and e-mail, one e-mail the phone.

    Now a known and an unknown contact get the same answer, with nothing but what was typed.
    """
    assert known.person is not None
    before = await count_people(container)
    pairs = (
        ({"email": known.person.email or ""}, {"email": new_email()}),
        ({"phone": known.person.phone or ""}, {"phone": new_phone()}),
    )
    for contact, stranger in pairs:
        answers = [await invite(manager, shared_city, **one) for one in (contact, stranger)]
        for answer, typed in zip(answers, (contact, stranger), strict=True):
            shown = answer["invitation"]
            assert {name: shown.pop(name) for name in typed} == typed
            assert {shown.pop("phone", None), shown.pop("email", None)} == {None}
            assert shown.pop("id")
        assert answers[0] == answers[1]
        assert "Tiago" not in repr(answers)
    assert await count_people(container) == before


async def test_the_owner_of_the_phone_signs_in_by_code_and_accepts(
    manager: ActorClient,
    shared_city: City,
    nobody: ActorClient,
    sms: InMemorySms,
    container: Container,
    mailbox: Mailbox,
) -> None:
    """A manager's grant worked at once on whoever had the phone; now the owner decides."""
    phone = new_phone()
    created = (await invite(manager, shared_city, phone=phone))["invitation"]
    assert created["status"] == "PENDING"
    assert created["availableActions"] == ["RESEND", "REVOKE"]
    [text] = await mailbox.texts(phone)
    assert "store staff" in text
    assert "#" not in text
    token = (await sign_in(nobody, sms, phone))["accessToken"]
    invited = ActorClient(container, container.authenticator.verify(token).actor)
    [own] = (await invited.run(OWN))["viewer"]["invitations"]
    assert (own["id"], own["availableActions"]) == (created["id"], ["ACCEPT", "DECLINE"])
    payload = await accept(invited, invitationId=created["id"])
    assert error_type(payload) is None
    assert payload["invitation"]["status"] == "ACCEPTED"
    assert payload["invitation"]["roleAssignment"]["role"] == "STORE_STAFF"
    assert (await invited.run(OWN))["viewer"]["invitations"] == []
    assert error_type(await accept(invited, invitationId=created["id"])) == "InvalidTransition"
    token = (await sign_in(nobody, sms, phone))["accessToken"]
    roles = container.authenticator.verify(token).actor.roles
    assert roles == {Role.CUSTOMER, Role.STORE_STAFF}


async def test_the_link_of_a_mail_makes_an_account_with_a_password(
    company_admin: ActorClient,
    shared_city: City,
    nobody: ActorClient,
    container: Container,
    mailbox: Mailbox,
) -> None:
    """Who was invited by e-mail could not sign in: nothing but the seed had ever set a password."""
    email = new_email()
    created = (await invite(company_admin, shared_city, "SUPPORT_AGENT", email=email.upper()))[
        "invitation"
    ]
    token = await mailbox.key(email)
    shown = (await nobody.run(BY_LINK, {"token": token}))["invitationByLink"]
    assert (shown["id"], shown["role"]) == (created["id"], "SUPPORT_AGENT")
    assert error_type(await accept(nobody, token=token)) == "PasswordRequired"
    assert error_type(await accept(nobody, token=token, password="short")) == "InvalidInput"
    payload = await accept(nobody, token=token, password=LONG, name="Nuno")
    assert error_type(payload) is None
    tokens = (await nobody.run(PASSWORD, {"email": email, "password": LONG}))["passwordSignIn"]
    roles = container.authenticator.verify(tokens["accessToken"]).actor.roles
    assert roles == {Role.CUSTOMER, Role.SUPPORT_AGENT}
    assert error_type(await accept(nobody, token=token)) == "InvalidTransition"
    assert (await nobody.run(BY_LINK, {"token": token}))["invitationByLink"] is None
    company = encode_id(Company, shared_city.company.id)
    managed = await company_admin.run(LIST, {"company": company, "status": "ACCEPTED"})
    [row] = [one for one in managed["invitations"]["nodes"] if one["id"] == created["id"]]
    assert row["roleAssignment"]["user"] == {"name": "Nuno", "email": email}


async def test_the_link_gives_a_known_account_the_role_and_nobody_else(
    manager: ActorClient,
    shared_city: City,
    nobody: ActorClient,
    known: ActorClient,
    another_customer: ActorClient,
    mailbox: Mailbox,
    container: Container,
) -> None:
    """Somebody else who is signed in opens the link of a mail that was forwarded to them."""
    assert known.person is not None
    email = known.person.email or ""
    created = (await invite(manager, shared_city, email=email))["invitation"]
    assert error_type(await accept(another_customer, invitationId=created["id"])) == "NotFound"
    token = await mailbox.key(email)
    assert error_type(await accept(another_customer, token=token)) == "InvitationOfAnother"
    assert error_type(await accept(nobody, token=token)) is None
    async with container.database.read(PLATFORM) as session:
        rows = await session.scalars(
            select(Membership.role).where(Membership.person_id == known.id)
        )
        assert set(rows) == {Role.CUSTOMER, Role.STORE_STAFF}


async def test_only_the_newest_link_is_valid_and_a_forged_one_never(
    manager: ActorClient,
    shared_city: City,
    nobody: ActorClient,
    mailbox: Mailbox,
    container: Container,
) -> None:
    """It is sent again: neither the older link nor one made up by a stranger opens anything."""
    email = new_email()
    created = (await invite(manager, shared_city, email=email))["invitation"]
    first = await mailbox.key(email)
    payload = (await manager.run(RESEND, {"id": created["id"]}))["invitationResend"]
    assert error_type(payload) == "RateLimited"
    async with container.database.write(PLATFORM, AuditContext("test")) as session:
        row = await session.get_one(Invitation, decode_id(Invitation, created["id"]))
        row.sent_at = row.created_at.replace(year=2020)
    payload = (await manager.run(RESEND, {"id": created["id"]}))["invitationResend"]
    assert error_type(payload) is None
    second = await mailbox.key(email)
    forged = second[:-1] + ("A" if second[-1] != "A" else "B")
    for token in (first, forged, "", "x" * 64, "é" * 64):
        payload = await accept(nobody, token=token, password=LONG)
        assert error_type(payload) == "InvalidLink", token
    assert error_type(await accept(nobody, token=second, password=LONG)) is None


async def test_an_invitation_is_declined_revoked_or_expires_once(
    manager: ActorClient,
    shared_city: City,
    nobody: ActorClient,
    mailbox: Mailbox,
    container: Container,
) -> None:
    """The invited and the manager decide at the same time: the second decision changes nothing."""
    emails = [new_email() for _ in range(3)]
    ids = [
        (await invite(manager, shared_city, email=email))["invitation"]["id"] for email in emails
    ]
    tokens = [await mailbox.key(email) for email in emails]
    declined = (await nobody.run(DECLINE, {"input": {"token": tokens[0]}}))["invitationDecline"]
    assert declined["invitation"]["status"] == "DECLINED"
    revoked = (await manager.run(REVOKE, {"id": ids[1]}))["invitationRevoke"]
    assert revoked["invitation"]["status"] == "REVOKED"
    async with container.database.write(PLATFORM, AuditContext("test")) as session:
        row = await session.get_one(Invitation, decode_id(Invitation, ids[2]))
        row.expires_at = row.created_at
    assert error_type(await accept(nobody, token=tokens[2], password=LONG)) == "InvalidLink"
    async with container.database.write(PLATFORM, AuditContext("job:test")) as session:
        due = (await session.scalars(DUE_INVITATIONS)).all()
        assert row.id in due
        assert [await expire_invitation(session, row.id) for _ in range(2)] == [1, 0]
    for token in tokens:
        payload = await accept(nobody, token=token)
        assert error_type(payload) == "InvalidTransition"
    again = await invite(manager, shared_city, email=emails[2])
    assert again["invitation"]["id"] != ids[2]


async def test_an_expired_invitation_is_not_accepted_by_whoever_is_signed_in(
    manager: ActorClient,
    shared_city: City,
    nobody: ActorClient,
    sms: InMemorySms,
    container: Container,
) -> None:
    """The week is over, and the job has not closed the invitation yet."""
    phone = new_phone()
    key = (await invite(manager, shared_city, phone=phone))["invitation"]["id"]
    token = (await sign_in(nobody, sms, phone))["accessToken"]
    invited = ActorClient(container, container.authenticator.verify(token).actor)
    async with container.database.write(PLATFORM, AuditContext("test")) as session:
        row = await session.get_one(Invitation, decode_id(Invitation, key))
        row.expires_at = row.created_at
    assert (await invited.run(OWN))["viewer"]["invitations"] == []
    assert error_type(await accept(invited, invitationId=key)) == "InvalidTransition"


async def test_an_equal_invitation_is_not_made_twice(
    manager: ActorClient, shared_city: City
) -> None:
    email = new_email()
    first, second = [await invite(manager, shared_city, email=email) for _ in range(2)]
    assert first == second


async def test_others_neither_see_nor_manage_an_invitation(
    manager: ActorClient,
    company_admin: ActorClient,
    other_company_admin: ActorClient,
    picker: ActorClient,
    shared_city: City,
) -> None:
    staff = (await invite(manager, shared_city, email=new_email()))["invitation"]
    rider = (await invite(company_admin, shared_city, "RIDER", email=new_email()))["invitation"]
    for who, hidden in (
        (manager, rider),
        (other_company_admin, rider),
        (other_company_admin, staff),
    ):
        payload = (await who.run(REVOKE, {"id": hidden["id"]}))["invitationRevoke"]
        assert error_type(payload) == "NotFound"
        shown = (await who.run(LIST, {}))["invitations"]["nodes"]
        assert hidden["id"] not in {one["id"] for one in shown}
    shown = (await company_admin.run(LIST, {}))["invitations"]["nodes"]
    assert {staff["id"], rider["id"]} <= {one["id"] for one in shown}
    assert await picker.codes(LIST, {}) == {"FORBIDDEN"}


async def test_accepting_twice_by_one_key_is_answered_alike(
    manager: ActorClient, shared_city: City, nobody: ActorClient, mailbox: Mailbox
) -> None:
    email = new_email()
    await invite(manager, shared_city, email=email)
    variables = {"input": {"token": await mailbox.key(email), "password": LONG}}
    key = f"accept-{secrets.token_hex(8)}"
    answers = [await nobody.answer(ACCEPT, variables, idempotency_key=key) for _ in "12"]
    payloads = [answer.data["invitationAccept"] for answer in answers]
    assert error_type(payloads[0]) is None
    assert payloads[0] == payloads[1]
