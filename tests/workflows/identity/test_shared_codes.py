"""Codes by text message: sent for sure, good for as long as they say, tried a few times."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from database.scope import PLATFORM
from database.sessions import Database
from gateways.sms import SmsUnavailable
from models.identity import OneTimeCode
from services.identity import code_limits, one_time_codes
from services.identity.one_time_codes import (
    CODE_SECONDS,
    MAX_TRIES,
    SHARED_CODE_SECONDS,
    SHARED_DIGITS,
    SHARED_SECONDS,
)
from tests.support.actors import ActorClient, InMemorySms
from tests.support.identity.sign_in_codes import (
    OTP,
    age_codes,
    error_of,
    new_address,
    new_phone,
    request_code,
    verify_code,
)

DECISION = Path(__file__).parents[3] / "docs/decisions/0023-codes-in-a-flood.md"
POLLS = 600
BOTNET = 10_000
"""The networks that the decision counts with."""


async def use_up_codes(nobody: ActorClient, phone: str) -> None:
    """Strangers request all codes that a phone gets by itself: the next one is shared."""
    for _ in range(code_limits.MAX_CODES_PER_PHONE):
        assert error_of(await request_code(nobody, phone, address=new_address())) is None


def messages_to(sms: InMemorySms, phone: str) -> list[str]:
    return [text for to, text in sms.sent if to == phone]


class Sending:
    """A message that is on its way until `end` is called."""

    def __init__(self, sms: InMemorySms, monkeypatch: pytest.MonkeyPatch) -> None:
        self.began, self._ended, self._error = asyncio.Event(), asyncio.Event(), False
        self._send = sms.send
        monkeypatch.setattr(sms, "send", self._wait)

    async def _wait(self, phone: str, text: str) -> None:
        self.began.set()
        await self._ended.wait()
        if self._error:
            raise SmsUnavailable("no answer")
        await self._send(phone, text)

    def end(self, *, refused: bool) -> None:
        self._error = refused
        self._ended.set()


async def until_joined(database: Database, phone: str) -> None:
    query = select(func.count()).where(OneTimeCode.phone == phone, OneTimeCode.joined)
    for _ in range(POLLS):
        async with database.read(PLATFORM) as session:
            if await session.scalar(query):
                return
        await asyncio.sleep(0.05)
    raise AssertionError("nobody has joined")


async def test_a_shared_code_whose_sender_died_is_sent_anew(
    nobody: ActorClient, sms: InMemorySms, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process is killed between the commit and the message, or its request is canceled.

    For ten minutes everybody, the owner too, was told of a message that nobody had sent.
    """
    phone, owner = new_phone(), new_address()
    await use_up_codes(nobody, phone)
    monkeypatch.setattr(one_time_codes, "SENDING_SECONDS", 1.0)
    with monkeypatch.context() as patched:
        sending = Sending(sms, patched)
        request = asyncio.create_task(request_code(nobody, phone, address=new_address()))
        await sending.began.wait()
        request.cancel()
        await asyncio.gather(request, return_exceptions=True)
    before = messages_to(sms, phone)
    own = await request_code(nobody, phone, address=owner)
    assert (error_of(own), own["digitCount"]) == (None, SHARED_DIGITS)
    assert len(messages_to(sms, phone)) == len(before) + 1
    code = sms.code(phone)
    assert (await verify_code(nobody, phone, code, own["challenge"], address=owner))["accessToken"]


@pytest.mark.parametrize("refused", [False, True])
async def test_who_joins_a_message_on_its_way_waits_for_its_result(
    nobody: ActorClient,
    sms: InMemorySms,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    refused: bool,
) -> None:
    """The owner asks while a stranger's message is on its way: they were told that it was sent.

    The provider refused it then, and nobody told them.
    """
    phone, owner = new_phone(), new_address()
    await use_up_codes(nobody, phone)
    monkeypatch.setattr(one_time_codes, "SENDING_SECONDS", 3_600.0)
    with monkeypatch.context() as patched:
        sending = Sending(sms, patched)
        first = asyncio.create_task(request_code(nobody, phone, address=new_address()))
        await sending.began.wait()
        second = asyncio.create_task(request_code(nobody, phone, address=owner))
        await until_joined(database, phone)
        assert not second.done()
        sending.end(refused=refused)
        answers = [await first, await second]
    failure = "OtpDeliveryFailed" if refused else None
    assert [error_of(answer) for answer in answers] == [failure, failure]
    if refused:
        answers[1] = await request_code(nobody, phone, address=owner)
        assert error_of(answers[1]) is None
    challenge = answers[1]["challenge"]
    signed = await verify_code(nobody, phone, sms.code(phone), challenge, address=owner)
    assert signed["accessToken"]


Ask = Callable[[ActorClient, Database, str, str], Awaitable[dict[str, Any]]]


async def ask_alone(
    nobody: ActorClient, database: Database, phone: str, owner: str
) -> dict[str, Any]:
    return await request_code(nobody, phone, address=owner)


async def ask_first(
    nobody: ActorClient, database: Database, phone: str, owner: str
) -> dict[str, Any]:
    await use_up_codes(nobody, phone)
    return await request_code(nobody, phone, address=owner)


async def ask_last(
    nobody: ActorClient, database: Database, phone: str, owner: str
) -> dict[str, Any]:
    await use_up_codes(nobody, phone)
    await request_code(nobody, phone, address=new_address())
    await age_codes(database, phone, SHARED_SECONDS - 60)
    return await request_code(nobody, phone, address=owner)


@pytest.mark.parametrize(
    ("ask", "life_seconds"),
    [
        (ask_alone, CODE_SECONDS),
        (ask_first, SHARED_CODE_SECONDS),
        (ask_last, SHARED_CODE_SECONDS - SHARED_SECONDS + 60),
    ],
)
async def test_a_code_is_good_for_as_long_as_its_message_and_its_answer_say(
    nobody: ActorClient, sms: InMemorySms, database: Database, ask: Ask, life_seconds: int
) -> None:
    """The message said ten minutes and the answer five; typed after six minutes it was refused."""
    phone, owner = new_phone(), new_address()
    asked = await ask(nobody, database, phone, owner)
    code, minutes = (
        sms.code(phone),
        re.search(r"good for (\d+) minutes", messages_to(sms, phone)[-1]),
    )
    assert minutes is not None
    whole_life = SHARED_CODE_SECONDS if len(code) == SHARED_DIGITS else CODE_SECONDS
    assert int(minutes[1]) * 60 == whole_life
    assert life_seconds - 60 < asked["expiresInSeconds"] <= life_seconds
    await age_codes(database, phone, asked["expiresInSeconds"] - 60)
    late = await verify_code(nobody, phone, code, asked["challenge"], address=owner)
    assert late["accessToken"]
    await age_codes(database, phone, 60)
    other = await verify_code(nobody, phone, code, asked["challenge"], address=owner)
    assert error_of(other) == "InvalidOneTimeCode"


async def test_a_code_has_five_tries_with_its_challenge_and_five_without_it(
    nobody: ActorClient, sms: InMemorySms
) -> None:
    """Ten tries and no more: others in the network must not use up those with the challenge.

    The decision computed its odds with five tries, and with one request of each network.
    """
    phone, stranger = new_phone(), new_address()
    asked = await request_code(nobody, phone, address=stranger)
    code = sms.code(phone)
    wrong = f"{(int(code) + 1) % 10**6:06}"
    for challenge in (asked["challenge"], None):
        tries = [
            await verify_code(nobody, phone, wrong, challenge, address=stranger)
            for _ in range(MAX_TRIES)
        ]
        left = [answer["errors"][0]["attemptsRemaining"] for answer in tries]
        assert left == [*reversed(range(MAX_TRIES))]
    for challenge in (asked["challenge"], None):
        right = await verify_code(nobody, phone, code, challenge, address=stranger)
        assert error_of(right) == "InvalidOneTimeCode"
    of_request = 2 * MAX_TRIES
    of_botnet = BOTNET * code_limits.MAX_REQUESTS_PER_SOURCE * of_request
    of_six_digits = code_limits.MAX_CODES_PER_PHONE * of_request
    text = DECISION.read_text()
    assert f"{of_botnet:,} tries of 10^10: 1 in {10**SHARED_DIGITS // of_botnet:,}" in text
    assert f"{of_six_digits} tries of 10^6: 1 in {10**6 // of_six_digits:,}" in text


async def test_a_request_that_is_repeated_after_the_end_of_its_code_sends_a_new_one(
    nobody: ActorClient, sms: InMemorySms, database: Database
) -> None:
    """An app repeats its request with the key, when the code has ended or has been used.

    It was told of five minutes, got no message, and each try was "Ask for a new code".
    """
    phone, owner = new_phone(), new_address()
    document = OTP.replace("otpRequest(input: $input)", f"otpRequest(input: $input) {KEY}")
    assert KEY in document
    variables = {"input": {"phone": phone}}

    async def repeat() -> dict[str, Any]:
        answer = await nobody.run(document, variables, address=owner)
        payload: dict[str, Any] = answer["otpRequest"]
        return payload

    first = await repeat()
    await age_codes(database, phone, 100)
    again = await repeat()
    assert again["challenge"] == first["challenge"]
    assert CODE_SECONDS - 160 < again["expiresInSeconds"] <= CODE_SECONDS - 100
    await age_codes(database, phone, CODE_SECONDS)
    renewed = await repeat()
    assert renewed["challenge"] != first["challenge"]
    assert len(messages_to(sms, phone)) == 2
    code = sms.code(phone)
    signed = await verify_code(nobody, phone, code, renewed["challenge"], address=owner)
    assert signed["accessToken"]
    await repeat()
    assert len(messages_to(sms, phone)) == 3


KEY = '@idempotent(key: "code of one attempt")'
