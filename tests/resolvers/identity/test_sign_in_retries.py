"""Signing in with an idempotency key: equal requests are one, whenever they come again."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import func, select

from database.scope import PLATFORM
from database.sessions import Origin
from models.accounts import Person
from models.core import IdempotencyKey
from models.identity import Grant, OneTimeCode, Role, SignInSession
from resolvers.context import House
from services.identity.passwords import hash_password
from tests.support.actors import KeptSms, Standing, stand
from tests.support.graph_queries import operation

EQUAL = 50
PASSWORD = "a rather long password"
GUEST, REFRESH = operation("guest_start"), operation("session_refresh")
PASSWORD_IN, OTP, VERIFY = (
    operation("password_sign_in"),
    operation("otp_request"),
    operation("otp_verify"),
)
EVERYWHERE = operation("session_revoke_all")


@pytest.fixture
def key() -> str:
    return uuid4().hex


@pytest.fixture
async def member(house: House) -> Person:
    """Somebody with a password."""
    async with house.database.write(PLATFORM, Origin("test")) as session:
        person = Person(name="Member", email=f"{uuid4().hex}@example.org")
        person.password_hash = hash_password(PASSWORD)
        session.add(person)
    return person


async def at_once(
    who: Standing, document: str, variables: Any, key: str, times: int = EQUAL
) -> list[dict[str, Any]]:
    """The payloads of equal requests made at once, all of them equal; all but one are replays."""
    asked = [who.answer(document, variables, idempotency_key=key) for _ in range(times)]
    answers = await asyncio.gather(*asked)
    assert not [answer.errors for answer in answers if answer.errors]
    again = [answer for answer in answers if (answer.extensions or {}).get("replayed") == [key]]
    assert len(again) == times - 1
    return [next(iter(answer.data.values())) for answer in answers]


async def count(house: House, column: Any, value: object) -> int:
    async with house.database.read(PLATFORM) as session:
        found = await session.scalar(select(func.count()).where(column == value))
        return int(found or 0)


async def people(house: House) -> int:
    async with house.database.read(PLATFORM) as session:
        return int(await session.scalar(select(func.count()).select_from(Person)) or 0)


def tokens(answers: list[dict[str, Any]]) -> tuple[str, str]:
    """The one pair of tokens in all of the answers."""
    found = {(one["accessToken"], one["refreshToken"]) for one in answers}
    (pair,) = found
    assert all(pair)
    return pair


async def test_a_guest_who_is_started_many_times_is_one(
    house: House, nobody: Standing, key: str
) -> None:
    before = await people(house)
    access, _ = tokens(await at_once(nobody, GUEST, {}, key))
    assert await people(house) == before + 1
    person = house.identity.read(access).actor.person_id
    assert await count(house, SignInSession.person_id, person) == 1


async def test_the_tokens_of_a_retry_work_and_a_used_one_is_still_found_out(
    house: House, nobody: Standing, key: str
) -> None:
    _, first = tokens(await at_once(nobody, GUEST, {}, key, 2))
    variables = {"input": {"refreshToken": first}}
    _, second = tokens(await at_once(nobody, REFRESH, variables, uuid4().hex))
    assert second != first
    newer = {"input": {"refreshToken": second}}
    _, third = tokens(await at_once(nobody, REFRESH, newer, key + "2"))
    reused = await nobody.run(REFRESH, variables)
    assert reused["sessionRefresh"]["errors"]
    ended = await nobody.run(REFRESH, {"input": {"refreshToken": third}})
    assert ended["sessionRefresh"]["errors"]


async def test_a_password_opens_one_session_for_equal_requests(
    house: House, nobody: Standing, member: Person, key: str
) -> None:
    variables = {"input": {"email": member.email, "password": PASSWORD}}
    tokens(await at_once(nobody, PASSWORD_IN, variables, key))
    assert await count(house, SignInSession.person_id, member.id) == 1
    wrong = {"input": {"email": member.email, "password": PASSWORD + "!"}}
    assert await nobody.codes(PASSWORD_IN, wrong, idempotency_key=key) == {"IDEMPOTENCY_KEY_REUSED"}


async def test_a_wrong_password_gives_its_key_up_and_counts_each_time(
    house: House, nobody: Standing, member: Person, key: str
) -> None:
    variables = {"input": {"email": member.email, "password": "something else"}}
    for _ in range(2):
        told = await nobody.run(PASSWORD_IN, variables, idempotency_key=key)
        assert told["passwordSignIn"]["errors"]
    async with house.database.read(PLATFORM) as session:
        assert (await session.get_one(Person, member.id)).failed_sign_ins == 2
    assert await count(house, IdempotencyKey.key, key) == 0


async def test_a_code_is_sent_and_used_once_for_equal_requests(
    house: House, nobody: Standing, sms: KeptSms, key: str
) -> None:
    phone = f"+35191{uuid4().int % 10**7:07}"
    await at_once(nobody, OTP, {"input": {"phone": phone}}, key)
    assert len([to for to, _ in sms.sent if to == phone]) == 1
    assert await count(house, OneTimeCode.phone, phone) == 1
    variables = {"input": {"phone": phone, "code": sms.code(phone)}}
    access, _ = tokens(await at_once(nobody, VERIFY, variables, key + "2"))
    person = house.identity.read(access).actor.person_id
    assert await count(house, SignInSession.person_id, person) == 1


@pytest.mark.parametrize("phase", ["reserve", "commit"])
async def test_what_broke_off_is_done_by_the_next_equal_request(
    house: House, nobody: Standing, key: str, phase: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = {
        "reserve": "services.identity.sign_in_sessions.begin",
        "commit": "database.sessions._leave_behind",
    }[phase]
    before = await people(house)
    with monkeypatch.context() as patch:
        patch.setattr(broken, _break)
        assert await nobody.codes(GUEST, {}, idempotency_key=key) == {"INTERNAL"}
    assert await people(house) == before
    assert await count(house, IdempotencyKey.key, key) == 0
    told = await nobody.answer(GUEST, {}, idempotency_key=key)
    assert told.extensions is None
    assert await people(house) == before + 1


async def test_what_was_committed_but_not_answered_is_answered_by_the_next(
    house: House, nobody: Standing, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = await people(house)
    with monkeypatch.context() as patch:
        patch.setattr("resolvers.identity.sign_in._told", _break)
        assert await nobody.codes(GUEST, {}, idempotency_key=key) == {"INTERNAL"}
    assert await people(house) == before + 1
    told = await nobody.answer(GUEST, {}, idempotency_key=key)
    assert told.extensions == {"replayed": [key]}
    assert told.data["guestStart"]["accessToken"]
    assert await people(house) == before + 1


async def test_a_message_that_could_not_be_sent_is_sent_by_the_next_equal_request(
    nobody: Standing, sms: KeptSms, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    phone = f"+35191{uuid4().int % 10**7:07}"
    variables = {"input": {"phone": phone}}
    with monkeypatch.context() as patch:
        patch.setattr(sms, "send", _break)
        assert await nobody.codes(OTP, variables, idempotency_key=key) == {"INTERNAL"}
    await nobody.run(OTP, variables, idempotency_key=key)
    assert len([to for to, _ in sms.sent if to == phone]) == 1


async def test_all_sessions_end_once_for_equal_requests(house: House, key: str) -> None:
    person = await stand(house, "Traveler", Grant(Role.CUSTOMER))
    for _ in range(2):
        await stand(house, "Traveler", person_id=person.id)
    assert await at_once(person, EVERYWHERE, {}, key) == [{"endedCount": 3}] * EQUAL


async def test_the_key_may_stand_in_the_document(nobody: Standing, key: str) -> None:
    field = f'guestStart @idempotent(key: "{key}") {{ refreshToken }}'
    first, again = [await nobody.answer(f"mutation {{ {field} }}") for _ in range(2)]
    assert first.data == again.data
    assert (first.extensions, again.extensions) == (None, {"replayed": [key]})


async def test_a_strangers_key_must_be_hard_to_guess(nobody: Standing) -> None:
    told = await nobody.run(GUEST, {}, idempotency_key="guest-1")
    assert told["guestStart"]["accessToken"] is None
    assert told["guestStart"]["errors"]


async def test_secrets_stand_in_no_fingerprint_and_in_no_outcome(
    house: House, nobody: Standing, member: Person, key: str
) -> None:
    variables = {"input": {"email": member.email, "password": PASSWORD}}
    (answer,) = await at_once(nobody, PASSWORD_IN, variables, key, 1)
    async with house.database.read(PLATFORM) as session:
        row = (await session.scalars(select(IdempotencyKey).where(IdempotencyKey.key == key))).one()
    assert set(row.outcome) == {"session", "ends"}
    assert answer["refreshToken"] not in repr(row.outcome)


async def _break(*_: Any, **__: Any) -> Any:
    raise RuntimeError("broken on purpose")
