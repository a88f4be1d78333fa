"""How many invitations an inviter, a company and a stranger may have."""

from uuid import UUID

import pytest
from sqlalchemy import select

from database.audit import AuditContext
from database.scope import PLATFORM
from gateways.mail import MailError, MailRejected
from models.identity import Grant, Role
from models.messages import OutgoingMessage
from resolvers.context import Container
from services import messages
from services.accounts import invitation_messages, invitations, memberships
from tests.services.accounts.test_invitations import (
    accept,
    error_type,
    invite,
    new_email,
)
from tests.support.actors import ActorClient, create_client
from tests.support.city import City
from tests.support.mailbox import Mailbox

STATUS = "query ($ids: [ID!]!) { nodes(ids: $ids) { ... on Invitation { messageStatus } } }"


async def test_invitations_are_bounded_by_inviter_company_and_hour(
    container: Container, shared_city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unknown e-mails made person rows without bound, about 34 look-ups a second."""
    store = Grant(Role.STORE_MANAGER, shared_city.company.id, shared_city.near.id)
    monkeypatch.setattr(invitations, "MAX_PER_INVITER_AND_HOUR", 2)
    inviter = await create_client(container, "Inviter", store)
    answers = [error_type(await invite(inviter, shared_city, email=new_email())) for _ in range(3)]
    assert answers == [None, None, "RateLimited"]
    other = await create_client(container, "Other inviter", store)
    monkeypatch.setattr(invitations, "MAX_PER_COMPANY_AND_HOUR", 1)
    assert error_type(await invite(other, shared_city, email=new_email())) == "RateLimited"
    monkeypatch.undo()
    monkeypatch.setattr(invitations, "MAX_PENDING_PER_COMPANY", 1)
    assert error_type(await invite(other, shared_city, email=new_email())) == "InvitationLimit"


async def test_strangers_are_not_pestered_by_many_inviters(
    container: Container, shared_city: City, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer stays the same, so no inviter learns of the invitations of others."""
    monkeypatch.setattr(invitation_messages, "MAX_MESSAGES_PER_DAY", 1)
    email = new_email()
    admin = await create_client(
        container, "Admin", Grant(Role.COMPANY_ADMIN, shared_city.company.id)
    )
    for role in ("RIDER", "SUPPORT_AGENT"):
        assert error_type(await invite(admin, shared_city, role, email=email)) is None
    assert len(await mailbox.messages(email)) == 1


@pytest.mark.parametrize("error", [None, MailRejected("No such user.")], ids=["sent", "rejected"])
async def test_the_status_of_a_message_does_not_tell_of_other_inviters(
    container: Container,
    shared_city: City,
    mailbox: Mailbox,
    monkeypatch: pytest.MonkeyPatch,
    error: MailError | None,
) -> None:
    """It was null for whoever invited a person that others had invited often on that day."""
    monkeypatch.setattr(invitation_messages, "MAX_MESSAGES_PER_DAY", 1)
    email = new_email()
    store = Grant(Role.STORE_MANAGER, shared_city.company.id, shared_city.near.id)
    company = Grant(Role.COMPANY_ADMIN, shared_city.company.id)
    manager = await create_client(container, "Manager", store)
    admin = await create_client(container, "Admin", company)
    first = (await invite(manager, shared_city, email=email))["invitation"]
    second = (await invite(admin, shared_city, "RIDER", email=email))["invitation"]
    assert first["messageStatus"] == second["messageStatus"] == "PENDING"
    [message] = await mailbox.messages(email)
    failed = error is not None
    async with container.database.write(PLATFORM, AuditContext("test")) as session:
        if failed:
            await messages.record_failure(session, message.id, str(error), permanent=True)
        else:
            await messages.record_sent(session, message.id)
    withheld = await _withheld(container, email)
    async with container.database.write(PLATFORM, AuditContext("test")) as session:
        await messages.record_withheld(session, withheld)
    shown = (await admin.run(STATUS, {"ids": [first["id"], second["id"]]}))["nodes"]
    expected = "FAILED" if failed else "SENT"
    assert [one["messageStatus"] for one in shown] == [expected, expected]


async def _withheld(container: Container, email: str) -> UUID:
    async with container.database.read(PLATFORM) as session:
        query = select(OutgoingMessage.id).where(OutgoingMessage.recipient == email)
        return (await session.scalars(query.where(OutgoingMessage.withheld))).one()


async def test_nobody_holds_more_than_fifty_roles(
    known: ActorClient, manager: ActorClient, shared_city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert known.person is not None
    created = (await invite(manager, shared_city, email=known.person.email or ""))["invitation"]
    monkeypatch.setattr(memberships, "MAX_ROLES", 1)
    assert error_type(await accept(known, invitationId=created["id"])) == "RoleConflict"
