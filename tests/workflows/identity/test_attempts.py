"""Strangers can try; they can't keep the owner out."""

import asyncio
import secrets
from collections import Counter
from typing import Any

import pytest
from sqlalchemy import text

from database.audit import AuditContext
from database.scope import PLATFORM
from database.sessions import Database
from models.accounts import Membership, User
from models.identity import Role
from services.identity import password_queue
from services.identity.passwords import hash_password
from tests.support.actors import ActorClient, InMemorySms
from tests.support.graph_queries import operation
from tests.support.identity.sign_in_codes import (
    OWNER,
    STRANGER,
    error_of,
    flood,
    new_phone,
    request_code,
    verify_code,
)

PASSWORD = operation("password_sign_in")
RIGHT = "correct horse"


@pytest.fixture
async def email(database: Database) -> str:
    """The e-mail address of an account with the password RIGHT."""
    email = f"{secrets.token_hex(6)}@example.org"
    async with database.write(PLATFORM, AuditContext("test")) as session:
        person = User(email=email, password_hash=hash_password(RIGHT))
        session.add(person)
        await session.flush()
        session.add(Membership(person_id=person.id, role=Role.CUSTOMER))
    return email


async def sign_in(
    nobody: ActorClient, email: str, password: str = RIGHT, **more: Any
) -> dict[str, Any]:
    variables = {"input": {"email": email, "password": password}}
    payload: dict[str, Any] = (await nobody.run(PASSWORD, variables, **more))["passwordSignIn"]
    return payload


async def test_five_wrong_passwords_of_a_stranger_lock_nobody_out(
    nobody: ActorClient, email: str
) -> None:
    """Anybody could lock any account for ever by one wrong password in fifteen minutes."""
    tries = [await sign_in(nobody, email, "wrong", address=STRANGER) for _ in range(7)]
    assert [error_of(each) for each in tries] == ["InvalidCredentials"] * 5 + ["RateLimited"] * 2
    assert 25 <= tries[-1]["errors"][0]["retryAfterSeconds"] <= 30
    assert error_of(await sign_in(nobody, email, address=STRANGER)) == "RateLimited"
    assert error_of(await sign_in(nobody, email, address=OWNER)) is None


async def test_a_known_device_signs_in_inside_the_network_of_the_stranger(
    nobody: ActorClient, email: str
) -> None:
    """The stranger sits in the same office: the owner's own device is let through all the same."""
    device = (await sign_in(nobody, email, address=STRANGER))["deviceToken"]
    for _ in range(6):
        await sign_in(nobody, email, "wrong", address=STRANGER)
    assert error_of(await sign_in(nobody, email, address=STRANGER)) == "RateLimited"
    known = {"address": STRANGER, "device_token": device}
    assert error_of(await sign_in(nobody, email, **known)) is None


async def test_a_device_is_known_to_the_accounts_that_signed_in_on_it_alone(
    nobody: ActorClient, email: str, database: Database
) -> None:
    """A stranger's own device, a guest's and a forged token are no way around the limit."""
    other = f"{secrets.token_hex(6)}@example.org"
    async with database.write(PLATFORM, AuditContext("test")) as session:
        session.add(User(email=other, password_hash=hash_password(RIGHT)))
    strangers = (await sign_in(nobody, other, address=STRANGER))["deviceToken"]
    forged = strangers[:-3] + ("AAA" if strangers[-3:] != "AAA" else "BBB")
    for _ in range(6):
        await sign_in(nobody, email, "wrong", address=STRANGER)
    for token in (strangers, forged, "dev1.", "dev1.é", "", "x" * 1_000):
        payload = await sign_in(nobody, email, address=STRANGER, device_token=token)
        assert error_of(payload) == "RateLimited", token


async def test_a_known_device_has_a_limit_of_its_own(nobody: ActorClient, email: str) -> None:
    """A stolen phone that has signed in before could try passwords without an end."""
    device = (await sign_in(nobody, email, address=OWNER))["deviceToken"]
    known = {"address": OWNER, "device_token": device}
    tries = [await sign_in(nobody, email, "wrong", **known) for _ in range(6)]
    assert [error_of(each) for each in tries] == ["InvalidCredentials"] * 5 + ["RateLimited"]
    assert error_of(await sign_in(nobody, email, address=OWNER)) is None


async def test_the_wait_doubles_and_a_right_password_ends_it(
    nobody: ActorClient, email: str, database: Database
) -> None:
    """Whoever remembers the password after some tries starts without a wait the next time."""
    waits: list[int] = []
    payload: dict[str, Any] = {}
    for _ in range(5):
        await sign_in(nobody, email, "wrong", address="203.0.113.67")
    for password in ("wrong", "wrong", RIGHT):
        payload = await sign_in(nobody, email, "wrong", address="203.0.113.67")
        waits.append(payload["errors"][0]["retryAfterSeconds"])
        async with database.write(PLATFORM, AuditContext("test")) as session:
            statement = "update attempt set blocked_until = now() where source = :source"
            await session.execute(text(statement), {"source": "network:203.0.113.67"})
        payload = await sign_in(nobody, email, password, address="203.0.113.67")
    assert error_of(payload) is None
    assert [round(wait / 30) for wait in waits] == [1, 2, 4]
    assert error_of(await sign_in(nobody, email, "wrong", address="203.0.113.67")) == (
        "InvalidCredentials"
    )


async def test_parallel_tries_are_counted_before_they_are_compared(
    nobody: ActorClient, email: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Thirty tries sent at once were all compared before the first one was counted."""
    compared = 0

    def verify(_stored: str, _password: str) -> bool:
        nonlocal compared
        compared += 1
        return False

    monkeypatch.setattr(password_queue, "verify_password", verify)
    tries = [sign_in(nobody, email, f"guess {n}", address="203.0.113.68") for n in range(30)]
    outcomes = Counter(error_of(payload) for payload in await asyncio.gather(*tries))
    assert (compared, outcomes) == (5, {"InvalidCredentials": 5, "RateLimited": 25})


async def test_an_unknown_account_is_limited_like_a_known_one(nobody: ActorClient) -> None:
    """A limit for accounts that exist alone would tell a stranger which ones do."""
    unknown = f"{secrets.token_hex(6)}@example.org"
    tries = [await sign_in(nobody, unknown, "x", address="203.0.113.69") for _ in range(6)]
    assert [error_of(each) for each in tries] == ["InvalidCredentials"] * 5 + ["RateLimited"]


async def test_code_requests_of_a_stranger_do_not_shut_a_phone_out(
    nobody: ActorClient, sms: InMemorySms
) -> None:
    """Five requests an hour by anybody were all that a phone got."""
    phone = new_phone()
    strangers = [await request_code(nobody, phone, address=STRANGER) for _ in range(21)]
    assert [error_of(each) for each in strangers] == [None] * 20 + ["RateLimited"]
    assert [each["digitCount"] for each in strangers[:20]] == [6] * 5 + [10] * 15
    own = await request_code(nobody, phone, address=OWNER)
    assert error_of(own) is None
    signed = await verify_code(nobody, phone, sms.code(phone), own["challenge"], address=OWNER)
    assert signed["accessToken"]


async def test_a_known_phone_gets_its_code_when_many_networks_have_asked_for_it(
    nobody: ActorClient, sms: InMemorySms
) -> None:
    """A botnet asks for codes of one phone: its owner, on a device that is known, gets one."""
    phone = new_phone()
    await request_code(nobody, phone, address=OWNER)
    device = (await verify_code(nobody, phone, sms.code(phone), address=OWNER))["deviceToken"]
    await flood(nobody, phone)
    own = await request_code(nobody, phone, address=OWNER, device_token=device)
    assert (error_of(own), own["digitCount"]) == (None, 6)


async def test_strangers_in_many_networks_do_not_shut_a_new_device_out(
    nobody: ActorClient, sms: InMemorySms
) -> None:
    """Four networks used up all codes of a phone: its owner could not sign in on a new device.

    What is sent stays bounded: ten codes, then one long code that all share for ten minutes.
    """
    phone = new_phone()
    strangers = await flood(nobody, phone)
    assert Counter(error_of(each) for each in strangers) == {None: 25}
    assert len([to for to, _ in sms.sent if to == phone]) == 11
    own = await request_code(nobody, phone, address=OWNER)
    assert (error_of(own), own["digitCount"]) == (None, 10)
    assert own["sentAt"] == strangers[-1]["sentAt"]
    assert len([to for to, _ in sms.sent if to == phone]) == 11
    code = sms.code(phone)
    for network in range(5):  # tries of others are not those of the owner
        for _ in range(6):
            await verify_code(nobody, phone, "0" * 10, address=f"192.0.2.{network}")
    signed = await verify_code(nobody, phone, code, own["challenge"], address=OWNER)
    assert signed["accessToken"]


async def test_a_shared_code_is_used_once(nobody: ActorClient, sms: InMemorySms) -> None:
    """Each request has a row of its own: the code of all ends with the first sign-in."""
    phone = new_phone()
    strangers = await flood(nobody, phone)
    first, second = [await request_code(nobody, phone, address=OWNER) for _ in range(2)]
    code = sms.code(phone)
    signed = await verify_code(nobody, phone, code, second["challenge"], address=OWNER)
    assert signed["accessToken"]
    for one in (first, second, strangers[-1]):
        again = await verify_code(nobody, phone, code, one["challenge"], address=OWNER)
        assert error_of(again) == "InvalidOneTimeCode"
    fresh = await request_code(nobody, phone, address=OWNER)
    assert (fresh["digitCount"], sms.code(phone) == code) == (10, False)


async def test_a_stranger_can_not_use_up_the_tries_of_somebodys_code(
    nobody: ActorClient, sms: InMemorySms
) -> None:
    """Wrong codes from elsewhere ended the code that the owner was about to type."""
    phone = new_phone()
    await request_code(nobody, phone, address=OWNER)
    code = sms.code(phone)
    guesses = [
        await verify_code(nobody, phone, "000000", challenge, address=STRANGER)
        for challenge in (None, "", "0" * 32, "x", None)
    ]
    assert {error_of(each) for each in guesses} == {"CodeNotRequested"}
    assert {tuple(each["errors"][0]["path"]) for each in guesses} == {("input", "phone")}
    assert (await verify_code(nobody, phone, code, address=OWNER))["accessToken"]


async def test_whoever_asked_for_a_code_may_change_the_network_meanwhile(
    nobody: ActorClient, sms: InMemorySms
) -> None:
    """A phone leaves the Wi-Fi between the request and the code: the challenge shows who it is."""
    phone = new_phone()
    challenge = (await request_code(nobody, phone, address=OWNER))["challenge"]
    signed = await verify_code(nobody, phone, sms.code(phone), challenge, address="192.0.2.200")
    assert signed["accessToken"]


async def test_a_challenge_is_good_for_its_own_phone_alone(
    nobody: ActorClient, sms: InMemorySms
) -> None:
    """A challenge of one's own phone would give tries at the codes of all others."""
    phone, other = new_phone(), new_phone()
    challenge = (await request_code(nobody, phone, address=OWNER))["challenge"]
    await request_code(nobody, other, address=OWNER)
    answer = await verify_code(nobody, other, sms.code(other), challenge, address=OWNER)
    assert error_of(answer) == "CodeNotRequested"


async def test_a_code_without_a_request_is_told_from_a_wrong_code(
    nobody: ActorClient, sms: InMemorySms
) -> None:
    """An app that lost its request asked people to type the right code again and again.

    It tells a stranger nothing: who asked from here knows it, with an account or without.
    """
    phone = new_phone()
    assert error_of(await verify_code(nobody, phone, "123456", address=OWNER)) == "CodeNotRequested"
    await request_code(nobody, phone, address=STRANGER)
    assert error_of(await verify_code(nobody, phone, "123456", address=OWNER)) == "CodeNotRequested"
    await request_code(nobody, phone, address=OWNER)
    wrong = await verify_code(nobody, phone, "00000", address=OWNER)
    assert error_of(wrong) == "InvalidOneTimeCode"


async def test_codes_are_limited_by_the_ipv6_64_and_by_the_48(nobody: ActorClient) -> None:
    """Forty paid text messages went out over one /64, each under another address of it."""
    prefix = f"2001:db8:{secrets.randbelow(2**16):x}"
    same = [await request_code(nobody, new_phone(), address=f"{prefix}:2::{n}") for n in range(35)]
    assert Counter(error_of(each) for each in same) == {None: 30, "RateLimited": 5}
    others = [
        await request_code(nobody, new_phone(), address=f"{prefix}:{n:x}::1") for n in range(3, 98)
    ]
    assert Counter(error_of(each) for each in others) == {None: 90, "RateLimited": 5}
