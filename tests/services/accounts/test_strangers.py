"""What strangers and former colleagues can't do with somebody's address, phone or invitation."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import select

from database.audit import AuditContext
from database.scope import PLATFORM
from gateways.sms import SmsUnavailable
from models.accounts import Invitation, InvitationStatus, Membership
from models.identity import Grant, Role
from resolvers.context import Container
from services.identity.account_links import MAX_MAILS_OF_ACCOUNT, MAX_MAILS_PER_HOUR
from tests.services.accounts.test_invitations import LONG, accept, invite
from tests.services.accounts.test_sign_up import (
    CONFIRM,
    NEW_EMAIL,
    SIGN_UP,
    client_of,
    new_email,
    run,
    sign_up,
    types,
)
from tests.support.actors import ActorClient, InMemorySms, create_client
from tests.support.city import City
from tests.support.identity.sign_in_codes import (
    OWNER,
    error_of,
    new_phone,
    request_code,
    verify_code,
)
from tests.support.mailbox import Mailbox
from workflows.identity.role_revocation import revoke_role


async def test_strangers_do_not_keep_the_owner_from_using_a_new_address(
    nobody: ActorClient, container: Container, mailbox: Mailbox
) -> None:
    """Five requests by anybody for an address, and its owner got no link of their own."""
    email = new_email()
    owner = client_of(container, await sign_up(nobody, mailbox, new_email()))
    for _ in range(4):
        stranger = await create_client(container, "Stranger", Grant(Role.CUSTOMER))
        for _ in range(5):
            assert not types(await run(stranger, NEW_EMAIL, email=email))
    assert len(await mailbox.messages(email)) == 4 * MAX_MAILS_OF_ACCOUNT
    await run(owner, NEW_EMAIL, email=email)
    changed = await run(owner, CONFIRM, token=await mailbox.key(email))
    assert changed["user"]["email"] == email


async def test_parallel_requests_send_no_more_mails_than_one_after_the_other(
    nobody: ActorClient, mailbox: Mailbox
) -> None:
    """Thirty at once sent fourteen mails."""
    email = new_email()
    await asyncio.gather(*(run(nobody, SIGN_UP, email=email) for _ in range(20)))
    assert len(await mailbox.messages(email)) == MAX_MAILS_PER_HOUR


@pytest.mark.parametrize("late", [False, True])
async def test_invitations_end_with_the_role_of_the_inviter(
    container: Container, shared_city: City, mailbox: Mailbox, late: bool
) -> None:
    """A dismissed manager accepted, under another address, the invitation that they had sent.

    Also one that was sent in the seconds in which the access token still had the role.
    """
    company_id, email = shared_city.company.id, new_email()
    admin = await create_client(container, "Admin", Grant(Role.COMPANY_ADMIN, company_id))
    role = Grant(Role.STORE_MANAGER, company_id, shared_city.near.id)
    manager = await create_client(container, "Manager", role)
    if not late:
        await invite(manager, shared_city, email=email)
    async with container.database.write(PLATFORM, AuditContext("test")) as session:
        of_manager = (Membership.person_id == manager.id, Membership.role == role.role)
        key = await session.scalar(select(Membership.id).where(*of_manager))
        assert key is not None
        await revoke_role(session, actor=admin.actor, membership_id=key)
    if late:
        await invite(manager, shared_city, email=email)
    answer = await accept(
        ActorClient(container), token=await mailbox.key(email), password=LONG, name="Rui"
    )
    assert types(answer) == ["InvalidTransition" if late else "InvalidLink"]
    async with container.database.read(PLATFORM) as session:
        (row,) = await session.scalars(select(Invitation).where(Invitation.email == email))
    assert row.status is (InvitationStatus.PENDING if late else InvitationStatus.REVOKED)


async def test_other_invitations_of_a_person_stay(
    container: Container, shared_city: City, known: ActorClient
) -> None:
    """An admin who loses a role in one store goes on inviting by the other."""
    company_id = shared_city.company.id
    admin = await create_client(
        container,
        "Admin",
        Grant(Role.COMPANY_ADMIN, company_id),
        Grant(Role.STORE_MANAGER, company_id, shared_city.near.id),
    )
    assert known.person is not None
    created = (await invite(admin, shared_city, email=known.person.email or ""))["invitation"]
    async with container.database.write(PLATFORM, AuditContext("test")) as session:
        of_admin = (Membership.person_id == admin.id, Membership.role == Role.STORE_MANAGER)
        key = await session.scalar(select(Membership.id).where(*of_admin))
        assert key is not None
        await revoke_role(session, actor=admin.actor, membership_id=key)
    assert not types(await accept(known, invitationId=created["id"]))


async def test_an_outage_of_the_sms_provider_uses_up_no_requests(
    nobody: ActorClient, sms: InMemorySms, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever had tried five times in the outage had to wait for an hour after it."""
    phone = new_phone()

    async def fail(*_arguments: Any) -> None:
        raise SmsUnavailable("no answer")

    with monkeypatch.context() as patch:
        patch.setattr(sms, "send", fail)
        failed = [await request_code(nobody, phone, address=OWNER) for _ in range(6)]
    assert {error_of(each) for each in failed} == {"OtpDeliveryFailed"}
    assert error_of(await request_code(nobody, phone, address=OWNER)) is None
    assert (await verify_code(nobody, phone, sms.code(phone), address=OWNER))["accessToken"]


async def test_one_ipv6_site_does_not_use_up_the_codes_of_a_phone(nobody: ActorClient) -> None:
    """Four of the 65,536 networks of one /48 shut a phone out on every new device."""
    phone = new_phone()
    asked = [
        await request_code(nobody, phone, address=f"2001:db8:77:{network}::1")
        for network in range(1, 5)
        for _ in range(5)
    ]
    assert [each["digitCount"] for each in asked].count(6) == 5
    assert error_of(await request_code(nobody, phone, address=OWNER)) is None


async def test_others_in_the_network_do_not_use_up_the_tries_of_a_code(
    nobody: ActorClient, sms: InMemorySms
) -> None:
    """Many customers of a mobile network share one address; they don't know the challenge."""
    phone = new_phone()
    challenge = (await request_code(nobody, phone, address=OWNER))["challenge"]
    code = sms.code(phone)
    wrong = f"{(int(code) + 1) % 1_000_000:06}"
    guesses = [await verify_code(nobody, phone, wrong, address=OWNER) for _ in range(6)]
    assert [each["errors"][0]["attemptsRemaining"] for each in guesses] == [4, 3, 2, 1, 0, 0]
    assert (await verify_code(nobody, phone, code, challenge, address=OWNER))["accessToken"]
