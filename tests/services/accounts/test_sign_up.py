"""Sign-up by e-mail, passwords and verified contacts; nobody learns who has an account."""

import re
import secrets
import unicodedata
from typing import Any

import pytest
from argon2 import PasswordHasher
from sqlalchemy import select, update

from database.audit import AuditContext
from database.scope import PLATFORM
from models.accounts import Membership, User
from models.identity import AccountLink, Grant, Role
from resolvers.context import Container
from services.identity.passwords import hash_password, needs_rehash, verify_password
from tests.support.actors import ActorClient, InMemorySms, create_client
from tests.support.graph_queries import operation, record_statements
from tests.support.mailbox import Mailbox
from tests.workflows.identity.test_sign_in import GUEST, PASSWORD, code_for, new_phone, sign_in

SIGN_UP, COMPLETE = operation("email_sign_up_request"), operation("email_sign_up_complete")
FORGOT, RESET = operation("password_reset_request"), operation("password_reset")
CHANGE = operation("password_change")
NEW_EMAIL, CONFIRM = operation("email_change_request"), operation("email_change_confirm")
NEW_PHONE = operation("phone_change")
FIRST, SECOND = "correct horse battery", "another long sentence"


def new_email() -> str:
    return f"{secrets.token_hex(6)}@example.org"


async def run(who: ActorClient, document: str, **input: Any) -> Any:
    """Return the payload of a mutation."""
    [payload] = (await who.run(document, {"input": input})).values()
    return payload


def types(payload: Any) -> list[str]:
    return [error["__typename"] for error in payload["errors"]]


def client_of(container: Container, payload: Any) -> ActorClient:
    actor = container.authenticator.verify(payload["accessToken"]).actor
    return ActorClient(container, actor)


async def sign_up(nobody: ActorClient, mailbox: Mailbox, email: str) -> Any:
    await run(nobody, SIGN_UP, email=email)
    return await run(
        nobody, COMPLETE, token=await mailbox.key(email.lower()), password=FIRST, name="Inês"
    )


@pytest.mark.parametrize("document", [SIGN_UP, FORGOT])
async def test_a_known_and_an_unknown_address_are_answered_by_the_same_statements(
    document: str, nobody: ActorClient, container: Container, mailbox: Mailbox
) -> None:
    """An answer, or its time, that differs would tell who has an account."""
    known = await create_client(container, "Known", Grant(Role.CUSTOMER))
    assert known.person is not None
    seen = []
    for email in (known.person.email or "", new_email()):
        with record_statements(container.database) as statements:
            payload = await run(nobody, document, email=email)
        texts = [re.sub(r"\s+", " ", str(text)) for text in statements]
        seen.append((payload, texts))
        assert len(await mailbox.messages(email)) == 1
    assert seen[0] == seen[1]


async def test_sign_up_makes_a_customer_who_signs_in_by_password(
    nobody: ActorClient, container: Container, mailbox: Mailbox
) -> None:
    """Nobody could sign up by e-mail: passwords were set by the seed alone."""
    email = new_email()
    payload = await sign_up(nobody, mailbox, email.upper())
    person = client_of(container, payload)
    assert person.actor.roles == {Role.CUSTOMER}
    assert (await person.run("{ viewer { email } }"))["viewer"]["email"] == email
    again = await run(nobody, COMPLETE, token=await mailbox.key(email), password=FIRST)
    assert types(again) == ["InvalidLink"]
    tokens = await nobody.run(PASSWORD, {"email": email, "password": FIRST})
    assert tokens["passwordSignIn"]["accessToken"]


@pytest.mark.parametrize("password", ["short", "aaaaaaaaaaaa", "Password123", "x" * 129])
async def test_a_weak_password_is_refused_and_does_not_use_the_link_up(
    password: str, nobody: ActorClient, mailbox: Mailbox
) -> None:
    """Whoever has to choose another password would have to ask for another mail."""
    email = new_email()
    await run(nobody, SIGN_UP, email=email)
    token = await mailbox.key(email)
    assert types(await run(nobody, COMPLETE, token=token, password=password)) == ["InvalidInput"]
    assert types(await run(nobody, COMPLETE, token=token, password=email)) == ["InvalidInput"]
    assert types(await run(nobody, COMPLETE, token=token, password=FIRST)) == []


async def test_a_guest_who_signs_up_keeps_their_person(
    nobody: ActorClient, container: Container, mailbox: Mailbox
) -> None:
    """A guest with a paid order signs up: the order would stay with a person without contact."""
    guest = client_of(container, (await nobody.run(GUEST))["guestSignIn"])
    payload = await sign_up(guest, mailbox, new_email())
    assert client_of(container, payload).id == guest.id
    container.authenticator.forget_sessions(*filter(None, [guest.actor.session_id]))
    assert not await container.authenticator.is_alive(guest.actor.session_id)


async def test_a_reset_sets_the_password_once_and_ends_every_session(
    nobody: ActorClient, container: Container, mailbox: Mailbox
) -> None:
    """A stranger knows the old password and is signed in: the reset ends their session too."""
    email = new_email()
    device = client_of(container, await sign_up(nobody, mailbox, email))
    await run(nobody, FORGOT, email=email)
    earlier = await mailbox.key(email)
    await run(nobody, FORGOT, email=email)
    token = await mailbox.key(email)
    payload = await run(nobody, RESET, token=token, password=SECOND)
    assert client_of(container, payload).id == device.id
    assert not await container.authenticator.is_alive(device.actor.session_id)
    for used in (token, earlier):
        assert types(await run(nobody, RESET, token=used, password=FIRST)) == ["InvalidLink"]
    answers = [
        (await nobody.run(PASSWORD, {"email": email, "password": one}))["passwordSignIn"]
        for one in (FIRST, SECOND)
    ]
    assert [types(answer) for answer in answers] == [["InvalidCredentials"], []]
    assert "was changed" in (await mailbox.texts(email))[-1]


async def test_an_expired_link_and_one_of_another_purpose_are_refused(
    nobody: ActorClient, container: Container, mailbox: Mailbox
) -> None:
    """An old mail is found in a box that has another owner by now."""
    email = new_email()
    await run(nobody, SIGN_UP, email=email)
    token = await mailbox.key(email)
    assert types(await run(nobody, RESET, token=token, password=FIRST)) == ["InvalidLink"]
    async with container.database.write(PLATFORM, AuditContext("test")) as session:
        await session.execute(
            update(AccountLink)
            .where(AccountLink.email == email)
            .values(expires_at=AccountLink.created_at)
        )
    assert types(await run(nobody, COMPLETE, token=token, password=FIRST)) == ["InvalidLink"]


async def test_a_password_is_changed_with_the_present_one_and_other_devices_end(
    nobody: ActorClient, container: Container, mailbox: Mailbox
) -> None:
    """Whoever finds an open phone could lock its owner out by a new password."""
    email = new_email()
    first = client_of(container, await sign_up(nobody, mailbox, email))
    tokens = (await nobody.run(PASSWORD, {"email": email, "password": FIRST}))["passwordSignIn"]
    second = client_of(container, tokens)
    wrong = await run(second, CHANGE, currentPassword=SECOND, newPassword=SECOND)
    assert types(wrong) == ["InvalidCredentials"]
    assert types(await run(second, CHANGE, newPassword=SECOND)) == ["InvalidCredentials"]
    changed = await run(second, CHANGE, currentPassword=FIRST, newPassword=SECOND)
    assert types(changed) == []
    alive = [
        await container.authenticator.is_alive(one.actor.session_id) for one in (first, second)
    ]
    assert alive == [False, True]


async def test_a_new_address_is_confirmed_by_its_link_and_the_old_one_is_told(
    nobody: ActorClient, container: Container, mailbox: Mailbox, another_customer: ActorClient
) -> None:
    """Whoever mistypes the new address, or is robbed of the account, reads of it in the old box."""
    old, new = new_email(), new_email()
    person = client_of(container, await sign_up(nobody, mailbox, old))
    await run(person, NEW_EMAIL, email=new)
    token = await mailbox.key(new)
    assert types(await run(another_customer, CONFIRM, token=token)) == ["InvalidLink"]
    assert (await run(person, CONFIRM, token=token))["user"]["email"] == new
    assert "e-mail address" in (await mailbox.texts(old))[-1]
    tokens = (await nobody.run(PASSWORD, {"email": new, "password": FIRST}))["passwordSignIn"]
    assert tokens["accessToken"]


async def test_an_address_or_phone_of_another_account_is_told_to_its_owner_alone(
    nobody: ActorClient, container: Container, mailbox: Mailbox, sms: InMemorySms
) -> None:
    """The answer would tell a stranger who has an account."""
    taken, phone = new_email(), new_phone()
    await sign_up(nobody, mailbox, taken)
    await sign_in(nobody, sms, phone)
    person = client_of(container, await sign_up(nobody, mailbox, new_email()))
    answers = [await run(person, NEW_EMAIL, email=email) for email in (taken, new_email())]
    assert answers[0] == answers[1]
    assert types(await run(person, CONFIRM, token=await mailbox.key(taken))) == ["ContactTaken"]
    code = await code_for(nobody, sms, phone)
    assert types(await run(person, NEW_PHONE, phone=phone, code=code)) == ["ContactTaken"]


async def test_a_new_phone_is_proved_by_its_code(
    nobody: ActorClient, container: Container, mailbox: Mailbox, sms: InMemorySms
) -> None:
    """Another person's phone, entered by mistake, would get the codes of this account."""
    email, phone = new_email(), new_phone()
    person = client_of(container, await sign_up(nobody, mailbox, email))
    code = await code_for(nobody, sms, phone)
    wrong = f"{(int(code) + 1) % 1_000_000:06}"
    assert types(await run(person, NEW_PHONE, phone=phone, code=wrong)) == ["InvalidOneTimeCode"]
    assert (await run(person, NEW_PHONE, phone=phone, code=code))["user"]["phone"] == phone
    assert "phone number" in (await mailbox.texts(email))[-1]
    assert client_of(container, await sign_in(nobody, sms, phone)).id == person.id


async def test_who_was_invited_before_the_first_sign_in_becomes_a_customer(
    nobody: ActorClient, sms: InMemorySms, container: Container
) -> None:
    """A row without CUSTOMER made the person unable to order, and a guest's order was lost."""
    phone = new_phone()
    async with container.database.write(PLATFORM, AuditContext("test")) as session:
        session.add(User(phone=phone))
    payload = await sign_in(nobody, sms, phone)
    assert client_of(container, payload).actor.roles == {Role.CUSTOMER}
    await sign_in(nobody, sms, phone)
    async with container.database.read(PLATFORM) as session:
        rows = await session.scalars(select(Membership.role).join(User).where(User.phone == phone))
        assert rows.all() == [Role.CUSTOMER]


async def test_who_sets_a_first_password_by_a_mail_becomes_a_customer(
    nobody: ActorClient, container: Container, mailbox: Mailbox
) -> None:
    """Staff whose row was made by others could work, and not order."""
    email = new_email()
    async with container.database.write(PLATFORM, AuditContext("test")) as session:
        session.add(User(email=email))
    await run(nobody, FORGOT, email=email)
    payload = await run(nobody, RESET, token=await mailbox.key(email), password=FIRST)
    assert client_of(container, payload).actor.roles == {Role.CUSTOMER}


def test_passwords_match_whatever_form_a_keyboard_sends() -> None:
    """One keyboard composes the letter and its accent, another one does not: sign-in failed."""
    composed, decomposed = (
        unicodedata.normalize(form, "café com leite") for form in ("NFC", "NFD")
    )
    assert composed != decomposed
    stored = hash_password(composed)
    assert verify_password(stored, decomposed)
    assert not needs_rehash(stored, composed)
    before = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1).hash(decomposed)
    assert verify_password(before, decomposed)
    assert needs_rehash(before, decomposed)
    assert not verify_password(before, composed)


async def test_an_old_hash_is_accepted_and_made_anew_once(
    nobody: ActorClient, container: Container
) -> None:
    """Hashes made before passwords had one normal form would have locked their owners out."""
    typed = unicodedata.normalize("NFD", "café com leite quente")
    client = await create_client(container, "Old", Grant(Role.CUSTOMER))
    before = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1).hash(typed)
    async with container.database.write(PLATFORM, AuditContext("test")) as session:
        (await session.get_one(User, client.id)).password_hash = before
    assert client.person is not None
    for form in ("NFD", "NFC"):
        values = {"email": client.person.email, "password": unicodedata.normalize(form, typed)}
        assert (await nobody.run(PASSWORD, values))["passwordSignIn"]["accessToken"], form
