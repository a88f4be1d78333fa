"""Sign-in with an idempotency key: equal requests have one effect."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import func, select

from database.audit import AuditContext
from database.scope import PLATFORM
from models.accounts import User
from models.core import IdempotencyKey
from models.identity import Attempt, Grant, OneTimeCode, Role, SignInSession
from resolvers.context import Container
from services.identity.attempts import PASSWORD_RULE, Attempts, source_of
from services.identity.passwords import hash_password
from tests.support.actors import ActorClient, InMemorySms, create_client
from tests.support.graph_queries import operation

CONCURRENT_REQUESTS = 50
PASSWORD = "a rather long password"
GUEST, REFRESH = operation("guest_sign_in"), operation("session_refresh")
PASSWORD_SIGN_IN, OTP, VERIFY = (
    operation("password_sign_in"),
    operation("otp_request"),
    operation("otp_sign_in"),
)
REVOKE_ALL = operation("session_revoke_all")


@pytest.fixture
def key() -> str:
    return uuid4().hex


@pytest.fixture
async def member(container: Container) -> User:
    """A person with a password."""
    async with container.database.write(PLATFORM, AuditContext("test")) as session:
        person = User(name="Member", email=f"{uuid4().hex}@example.org")
        person.password_hash = hash_password(PASSWORD)
        session.add(person)
    return person


async def run_concurrently(
    who: ActorClient, document: str, variables: Any, key: str, times: int = CONCURRENT_REQUESTS
) -> list[dict[str, Any]]:
    """Return the payloads of concurrent equal requests, of which all but one are replays."""
    requests = [who.answer(document, variables, idempotency_key=key) for _ in range(times)]
    answers = await asyncio.gather(*requests)
    assert not [answer.errors for answer in answers if answer.errors]
    replays = [answer for answer in answers if (answer.extensions or {}).get("replayed") == [key]]
    assert len(replays) == times - 1
    return [next(iter(answer.data.values())) for answer in answers]


async def count(container: Container, column: Any, value: object) -> int:
    async with container.database.read(PLATFORM) as session:
        rows = await session.scalar(select(func.count()).where(column == value))
        return int(rows or 0)


async def count_people(container: Container) -> int:
    async with container.database.read(PLATFORM) as session:
        return int(await session.scalar(select(func.count()).select_from(User)) or 0)


def tokens(answers: list[dict[str, Any]]) -> tuple[str, str]:
    """Return the one pair of tokens in all answers."""
    pairs = {(answer["accessToken"], answer["refreshToken"]) for answer in answers}
    (pair,) = pairs
    assert all(pair)
    return pair


async def test_a_repeated_guest_start_creates_one_guest(
    container: Container, nobody: ActorClient, key: str
) -> None:
    before = await count_people(container)
    access, _ = tokens(await run_concurrently(nobody, GUEST, {}, key))
    assert await count_people(container) == before + 1
    person = container.authenticator.verify(access).actor.person_id
    assert await count(container, SignInSession.person_id, person) == 1


async def test_the_tokens_of_a_retry_work_and_reuse_is_still_detected(
    container: Container, nobody: ActorClient, key: str
) -> None:
    _, first = tokens(await run_concurrently(nobody, GUEST, {}, key, 2))
    variables = {"input": {"refreshToken": first}}
    _, second = tokens(await run_concurrently(nobody, REFRESH, variables, uuid4().hex))
    assert second != first
    newer = {"input": {"refreshToken": second}}
    _, third = tokens(await run_concurrently(nobody, REFRESH, newer, key + "2"))
    reused = await nobody.run(REFRESH, variables)
    assert reused["sessionRefresh"]["errors"]
    ended = await nobody.run(REFRESH, {"input": {"refreshToken": third}})
    assert ended["sessionRefresh"]["errors"]


async def test_a_password_opens_one_session_for_equal_requests(
    container: Container, nobody: ActorClient, member: User, key: str
) -> None:
    variables = {"input": {"email": member.email, "password": PASSWORD}}
    tokens(await run_concurrently(nobody, PASSWORD_SIGN_IN, variables, key))
    assert await count(container, SignInSession.person_id, member.id) == 1
    wrong = {"input": {"email": member.email, "password": PASSWORD + "!"}}
    assert await nobody.codes(PASSWORD_SIGN_IN, wrong, idempotency_key=key) == {
        "IDEMPOTENCY_KEY_REUSED"
    }


async def test_a_wrong_password_releases_the_key_and_counts_each_time(
    container: Container, nobody: ActorClient, member: User, key: str
) -> None:
    variables = {"input": {"email": member.email, "password": "something else"}}
    for _ in range(2):
        answer = await nobody.run(PASSWORD_SIGN_IN, variables, idempotency_key=key)
        assert answer["passwordSignIn"]["errors"]
    signer = container.authenticator
    source = source_of(signer, contact=member.email or "", address="", device_token=None)
    attempts = Attempts.of(signer, PASSWORD_RULE, member.email or "", source)
    async with container.database.read(PLATFORM) as session:
        row = await session.get_one(Attempt, ("password", attempts.subject, source.key))
    assert row.tries == 2
    assert await count(container, IdempotencyKey.key, key) == 0


async def test_a_code_is_sent_and_used_once_for_equal_requests(
    container: Container, nobody: ActorClient, sms: InMemorySms, key: str
) -> None:
    phone = f"+35191{uuid4().int % 10**7:07}"
    await run_concurrently(nobody, OTP, {"input": {"phone": phone}}, key)
    assert len([to for to, _ in sms.sent if to == phone]) == 1
    assert await count(container, OneTimeCode.phone, phone) == 1
    variables = {"input": {"phone": phone, "code": sms.code(phone)}}
    access, _ = tokens(await run_concurrently(nobody, VERIFY, variables, key + "2"))
    person = container.authenticator.verify(access).actor.person_id
    assert await count(container, SignInSession.person_id, person) == 1


@pytest.mark.parametrize("phase", ["reserve", "commit"])
async def test_an_aborted_request_is_executed_by_the_next_equal_request(
    container: Container, nobody: ActorClient, key: str, phase: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = {
        "reserve": "services.identity.sign_in_sessions.open_session",
        "commit": "database.sessions._flush_outbox",
    }[phase]
    before = await count_people(container)
    with monkeypatch.context() as patch:
        patch.setattr(broken, _break)
        assert await nobody.codes(GUEST, {}, idempotency_key=key) == {"INTERNAL"}
    assert await count_people(container) == before
    assert await count(container, IdempotencyKey.key, key) == 0
    answer = await nobody.answer(GUEST, {}, idempotency_key=key)
    assert answer.extensions is None
    assert await count_people(container) == before + 1


async def test_a_committed_but_unanswered_request_is_answered_by_the_next_equal_one(
    container: Container, nobody: ActorClient, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = await count_people(container)
    with monkeypatch.context() as patch:
        patch.setattr("resolvers.identity.sign_in._outcome", _break)
        assert await nobody.codes(GUEST, {}, idempotency_key=key) == {"INTERNAL"}
    assert await count_people(container) == before + 1
    answer = await nobody.answer(GUEST, {}, idempotency_key=key)
    assert answer.extensions == {"replayed": [key]}
    assert answer.data["guestSignIn"]["accessToken"]
    assert await count_people(container) == before + 1


async def test_a_failed_message_is_sent_by_the_next_equal_request(
    nobody: ActorClient, sms: InMemorySms, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    phone = f"+35191{uuid4().int % 10**7:07}"
    variables = {"input": {"phone": phone}}
    with monkeypatch.context() as patch:
        patch.setattr(sms, "send", _break)
        assert await nobody.codes(OTP, variables, idempotency_key=key) == {"INTERNAL"}
    await nobody.run(OTP, variables, idempotency_key=key)
    assert len([to for to, _ in sms.sent if to == phone]) == 1


async def test_equal_requests_revoke_all_sessions_once(container: Container, key: str) -> None:
    person = await create_client(container, "Traveler", Grant(Role.CUSTOMER))
    for _ in range(2):
        await create_client(container, "Traveler", person_id=person.id)
    assert (
        await run_concurrently(person, REVOKE_ALL, {}, key)
        == [{"revokedCount": 3}] * CONCURRENT_REQUESTS
    )


async def test_the_key_may_be_given_in_the_document(nobody: ActorClient, key: str) -> None:
    field = f'guestSignIn @idempotent(key: "{key}") {{ refreshToken }}'
    first, again = [await nobody.answer(f"mutation {{ {field} }}") for _ in range(2)]
    assert first.data == again.data
    assert (first.extensions, again.extensions) == (None, {"replayed": [key]})


async def test_an_anonymous_callers_key_must_be_long(nobody: ActorClient) -> None:
    answer = await nobody.run(GUEST, {}, idempotency_key="guest-1")
    assert answer["guestSignIn"]["accessToken"] is None
    assert answer["guestSignIn"]["errors"]


async def test_no_secret_is_stored_in_fingerprints_and_outcomes(
    container: Container, nobody: ActorClient, member: User, key: str
) -> None:
    variables = {"input": {"email": member.email, "password": PASSWORD}}
    (answer,) = await run_concurrently(nobody, PASSWORD_SIGN_IN, variables, key, 1)
    async with container.database.read(PLATFORM) as session:
        row = (await session.scalars(select(IdempotencyKey).where(IdempotencyKey.key == key))).one()
    assert set(row.outcome) == {"session", "ends"}
    assert answer["refreshToken"] not in repr(row.outcome)


async def _break(*_: Any, **__: Any) -> Any:
    raise RuntimeError("broken on purpose")
