"""Sign-in by code, password and as a guest; limits, refresh tokens and sessions."""

import secrets
from typing import Any

import pytest
from sqlalchemy import func, select, update

from database.audit import AuditContext
from database.scope import PLATFORM
from database.sessions import Database
from models.accounts import Membership, User
from models.identity import OneTimeCode, Role, SignInSession
from models.ids import encode_id
from resolvers.context import Container
from services.identity import password_queue, passwords
from services.identity.one_time_codes import MAX_TRIES
from services.identity.passwords import hash_password
from tests.support.actors import ActorClient, InMemorySms
from tests.support.graph_queries import record_statements

REQUEST = """mutation ($phone: String!) { otpRequest(input: { phone: $phone }) {
  expiresInSeconds errors { __typename ... on RateLimited { retryAfterSeconds } } } }"""
TOKENS = """accessToken accessTokenExpiresAt refreshToken user { id phone } errors {
  __typename ... on Problem { message } }"""
VERIFY = f"""mutation ($phone: String!, $code: String!) {{
  otpSignIn(input: {{ phone: $phone, code: $code }}) {{ {TOKENS}
    errors {{ ... on InvalidOneTimeCode {{ attemptsRemaining }} }} }} }}"""
PASSWORD = f"""mutation ($email: String!, $password: String!) {{
  passwordSignIn(input: {{ email: $email, password: $password }}) {{ {TOKENS} }} }}"""
REFRESH = f"""mutation ($token: String!) {{
  sessionRefresh(input: {{ refreshToken: $token }}) {{ {TOKENS} }} }}"""
GUEST = f"mutation {{ guestSignIn {{ {TOKENS} }} }}"


def new_phone() -> str:
    return f"+35191{secrets.randbelow(10**7):07}"


def error_types(payload: Any) -> list[str]:
    return [error["__typename"] for error in payload["errors"]]


async def code_for(nobody: ActorClient, sms: InMemorySms, phone: str) -> str:
    assert not (await nobody.run(REQUEST, {"phone": phone}))["otpRequest"]["errors"]
    return sms.code(phone)


async def sign_in(nobody: ActorClient, sms: InMemorySms, phone: str) -> Any:
    code = await code_for(nobody, sms, phone)
    return (await nobody.run(VERIFY, {"phone": phone, "code": code}))["otpSignIn"]


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06}"


async def test_a_code_signs_in_and_creates_a_customer_once(
    nobody: ActorClient, sms: InMemorySms, container: Container
) -> None:
    phone = new_phone()
    first, second = [await sign_in(nobody, sms, phone) for _ in range(2)]
    assert first["user"] == second["user"]
    claims = container.authenticator.verify(first["accessToken"])
    assert claims.actor.roles == {Role.CUSTOMER}
    assert await container.authenticator.is_alive(claims.actor.session_id)


async def test_a_code_works_once(nobody: ActorClient, sms: InMemorySms) -> None:
    """Whoever reads the code over somebody's shoulder comes too late."""
    phone = new_phone()
    code = await code_for(nobody, sms, phone)
    assert (await nobody.run(VERIFY, {"phone": phone, "code": code}))["otpSignIn"]["accessToken"]
    again = (await nobody.run(VERIFY, {"phone": phone, "code": code}))["otpSignIn"]
    assert (again["accessToken"], error_types(again)) == (None, ["InvalidOneTimeCode"])


async def test_a_code_is_read_however_it_is_typed(nobody: ActorClient, sms: InMemorySms) -> None:
    """ "394 789", full-width digits or a mark in front cost a try, and so did half a code."""
    phone = new_phone()
    code = await code_for(nobody, sms, phone)
    for typed in (code[:5], f"{code}0", "", "code"):
        refused = (await nobody.run(VERIFY, {"phone": phone, "code": typed}))["otpSignIn"]
        assert refused["errors"][0]["attemptsRemaining"] == MAX_TRIES
    wide = "".join(chr(ord("\uff10") + int(digit)) for digit in code)
    typed = f"\u200e{wide[:3]} {wide[3:]}"
    assert (await nobody.run(VERIFY, {"phone": phone, "code": typed}))["otpSignIn"]["accessToken"]


async def test_the_sixth_attempt_is_refused_even_with_the_right_code(
    nobody: ActorClient, sms: InMemorySms
) -> None:
    """A code of six digits would be found by trying all of them."""
    phone = new_phone()
    code = await code_for(nobody, sms, phone)
    attempts_remaining = []
    for _ in range(MAX_TRIES):
        answer = await nobody.run(VERIFY, {"phone": phone, "code": wrong(code)})
        attempts_remaining.append(answer["otpSignIn"]["errors"][0]["attemptsRemaining"])
    assert attempts_remaining == [4, 3, 2, 1, 0]
    right = (await nobody.run(VERIFY, {"phone": phone, "code": code}))["otpSignIn"]
    assert (right["accessToken"], error_types(right)) == (None, ["InvalidOneTimeCode"])


async def test_a_code_expires_after_five_minutes(
    nobody: ActorClient, sms: InMemorySms, database: Database
) -> None:
    """A message on a locked screen is found an hour later."""
    phone = new_phone()
    code = await code_for(nobody, sms, phone)
    async with database.write(PLATFORM, AuditContext("test")) as session:
        row = await session.scalar(select(OneTimeCode).where(OneTimeCode.phone == phone))
        assert row is not None
        assert (row.expires_at - row.issued_at).total_seconds() == pytest.approx(300, abs=1)
        await session.execute(
            update(OneTimeCode).where(OneTimeCode.phone == phone).values(expires_at=func.now())
        )
    late = (await nobody.run(VERIFY, {"phone": phone, "code": code}))["otpSignIn"]
    assert error_types(late) == ["InvalidOneTimeCode"]


async def test_the_database_never_stores_the_code(
    nobody: ActorClient, sms: InMemorySms, database: Database
) -> None:
    phone = new_phone()
    code = await code_for(nobody, sms, phone)
    async with database.read(PLATFORM) as session:
        stored = await session.scalar(
            select(OneTimeCode.code_hash).where(OneTimeCode.phone == phone)
        )
    assert stored is not None
    assert len(stored) == 32
    assert code.encode() not in stored


async def test_a_phone_and_an_address_get_a_limited_number_of_codes(
    nobody: ActorClient, sms: InMemorySms
) -> None:
    """A stranger has hundreds of paid text messages sent to one phone."""
    phone = new_phone()
    by_phone = [await nobody.run(REQUEST, {"phone": phone}) for _ in range(21)]
    assert [error_types(answer["otpRequest"]) for answer in by_phone] == [[]] * 20 + [
        ["RateLimited"]
    ]
    assert len([to for to, _ in sms.sent if to == phone]) == 6
    assert 3500 < by_phone[-1]["otpRequest"]["errors"][0]["retryAfterSeconds"] <= 3601
    answers = [
        await nobody.run(REQUEST, {"phone": new_phone()}, address="203.0.113.7") for _ in range(31)
    ]
    assert [error_types(answer["otpRequest"]) for answer in answers] == [[]] * 30 + [
        ["RateLimited"]
    ]


@pytest.mark.parametrize("phone", ["", "912345678", "+0123456789", "+351 call me", "+1" * 40])
async def test_an_invalid_phone_number_is_refused(nobody: ActorClient, phone: str) -> None:
    """A code was sent, and paid for, to what is no phone."""
    assert error_types((await nobody.run(REQUEST, {"phone": phone}))["otpRequest"]) == [
        "InvalidInput"
    ]


async def test_a_guest_who_signs_in_stays_the_same_person(
    nobody: ActorClient, sms: InMemorySms, container: Container
) -> None:
    """The guest's cart and paid order would belong to nobody who can sign in."""
    started = (await nobody.run(GUEST))["guestSignIn"]
    actor = container.authenticator.verify(started["accessToken"]).actor
    guest, phone = ActorClient(container, actor), new_phone()
    code = await code_for(nobody, sms, phone)
    signed = (await guest.run(VERIFY, {"phone": phone, "code": code}))["otpSignIn"]
    assert signed["user"] == {"id": started["user"]["id"], "phone": phone}
    assert not await container.authenticator.is_alive(actor.session_id)


async def test_a_guest_is_merged_into_an_account_that_exists(
    nobody: ActorClient, sms: InMemorySms, container: Container, database: Database
) -> None:
    """A guest orders, then signs in to an account of theirs: the order would be lost to them."""
    phone = new_phone()
    account = await sign_in(nobody, sms, phone)
    started = (await nobody.run(GUEST))["guestSignIn"]
    actor = container.authenticator.verify(started["accessToken"]).actor
    code = await code_for(nobody, sms, phone)
    signed = await ActorClient(container, actor).run(VERIFY, {"phone": phone, "code": code})
    assert signed["otpSignIn"]["user"] == account["user"]
    async with database.read(PLATFORM) as session:
        row = await session.get_one(User, actor.person_id)
    assert (
        row.merged_into_id == container.authenticator.verify(account["accessToken"]).actor.person_id
    )


async def account(database: Database, password: str | None) -> str:
    email = f"{secrets.token_hex(6)}@example.org"
    async with database.write(PLATFORM, AuditContext("test")) as session:
        person = User(email=email, password_hash=hash_password(password) if password else None)
        session.add(person)
        await session.flush()
        session.add(Membership(person_id=person.id, role=Role.CUSTOMER))
    return email


async def test_a_password_signs_in_whatever_the_case_of_the_e_mail(
    nobody: ActorClient, database: Database
) -> None:
    """A keyboard begins the address with a capital letter: the account was unknown."""
    email = await account(database, "correct horse")
    variables = {"email": email.upper(), "password": "correct horse"}
    assert (await nobody.run(PASSWORD, variables))["passwordSignIn"]["accessToken"]


async def test_unknown_e_mail_and_wrong_password_get_the_same_answer_for_the_same_work(
    nobody: ActorClient, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A known address took 7 ms longer: a write that an unknown one did not need."""
    email = await account(database, "correct horse")
    await nobody.run(PASSWORD, {"email": email, "password": "warms up"})
    checked: list[str] = []
    real = passwords.verify_password

    def counted(stored: str, password: str) -> bool:
        checked.append(stored)
        return real(stored, password)

    monkeypatch.setattr(password_queue, "verify_password", counted)
    without_password = await account(database, None)
    answers, statements = [], []
    for who in (email, "nobody@example.org", without_password):
        with record_statements(database) as sent:
            answers.append(await nobody.run(PASSWORD, {"email": who, "password": "wrong"}))
        statements.append(sent)
        assert len(checked) == len(answers)
    assert answers[0] == answers[1] == answers[2]
    assert statements[0] == statements[1] == statements[2]
    assert len(statements[0]) > 1
    assert error_types(answers[0]["passwordSignIn"]) == ["InvalidCredentials"]
    assert len({tuple(stored.split("$")[1:4]) for stored in checked}) == 1


async def test_a_refresh_token_works_once_and_its_reuse_revokes_the_session(
    nobody: ActorClient, sms: InMemorySms, container: Container
) -> None:
    """A stolen token is used as well as the owner's: the session ends for both of them."""
    first = await sign_in(nobody, sms, new_phone())
    second = (await nobody.run(REFRESH, {"token": first["refreshToken"]}))["sessionRefresh"]
    assert second["refreshToken"] not in (None, first["refreshToken"])
    session_id = container.authenticator.verify(second["accessToken"]).actor.session_id
    assert await container.authenticator.is_alive(session_id)
    for token in (first["refreshToken"], second["refreshToken"]):
        ended = (await nobody.run(REFRESH, {"token": token}))["sessionRefresh"]
        assert (ended["accessToken"], error_types(ended)) == (None, ["InvalidRefreshToken"])
    assert not await container.authenticator.is_alive(session_id)


@pytest.mark.parametrize("token", ["", "x", "ééé", "y" * 5000], ids=range(4))
async def test_an_invalid_refresh_token_is_refused(nobody: ActorClient, token: str) -> None:
    ended = (await nobody.run(REFRESH, {"token": token}))["sessionRefresh"]
    assert error_types(ended) == ["InvalidRefreshToken"]


async def test_sessions_are_listed_and_revoked_one_by_one_and_all_at_once(
    nobody: ActorClient, sms: InMemorySms, container: Container
) -> None:
    phone = new_phone()
    sign_ins = [await sign_in(nobody, sms, phone) for _ in range(3)]
    actors = [container.authenticator.verify(tokens["accessToken"]).actor for tokens in sign_ins]
    me = ActorClient(container, actors[0])
    sessions = (await me.run("{ viewer { sessions { id isCurrent } } }"))["viewer"]["sessions"]
    assert sorted(session["isCurrent"] for session in sessions) == [False, False, True]
    other = next(session["id"] for session in sessions if not session["isCurrent"])
    end = "mutation ($id: ID) { sessionRevoke(input: { sessionId: $id }) { session { id } } }"
    assert (await me.run(end, {"id": other}))["sessionRevoke"]["session"] == {"id": other}
    payload = await me.run("mutation { sessionRevokeAll { revokedCount } }")
    assert payload == {"sessionRevokeAll": {"revokedCount": 2}}
    assert [await container.authenticator.is_alive(actor.session_id) for actor in actors] == [
        False
    ] * 3


async def test_another_persons_session_cannot_be_revoked(
    customer: ActorClient, another_customer: ActorClient, container: Container, database: Database
) -> None:
    """Anybody with an id would sign others out."""
    assert another_customer.actor.session_id is not None
    theirs = encode_id(SignInSession, another_customer.actor.session_id)
    end = (
        "mutation ($id: ID) { sessionRevoke(input: { sessionId: $id }) { errors { __typename } } }"
    )
    assert error_types((await customer.run(end, {"id": theirs}))["sessionRevoke"]) == ["NotFound"]
    assert await container.authenticator.is_alive(another_customer.actor.session_id)


async def test_guests_per_address_are_limited(nobody: ActorClient) -> None:
    """One address makes a guest for each order, and so gets around every limit per person."""
    started = [await nobody.run(GUEST, address="203.0.113.8") for _ in range(61)]
    assert [error_types(answer["guestSignIn"]) for answer in started] == [[]] * 60 + [
        ["RateLimited"]
    ]
