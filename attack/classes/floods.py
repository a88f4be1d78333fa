"""Floods of sign-ins and guests from many networks, named by the trusted proxy."""

import asyncio
import json
import random
from collections import Counter
from collections.abc import Sequence
from typing import Any

from attack.figures import Effort, Figure
from attack.target import PROXY, Target, document
from services.core.address_rate_limit import SITE_FACTOR
from tests.support.server.raw_client import post, raw_connection
from workflows.identity.authenticator import MAX_GUESTS_PER_ADDRESS

WORKERS = 20
REFILL = 10
"""What the limits give back while the class runs."""
BUSY = "Too many people"


async def attack(target: Target, effort: Effort) -> Sequence[Figure]:
    """Start guests from one /48, then sign in from everywhere while a bystander does too."""
    # Not seeded: counters outlive a run, in Valkey.
    rng = random.Random()
    network = f"2001:db8:{rng.randrange(1, 65_536):x}"
    one_64 = await _start_guests(target, [f"{network}:1::{n:x}" for n in range(1, 131)])
    one_48 = await _start_guests(target, [f"{network}:{n:x}::1" for n in range(2, 302)])
    refused = await _flood_sign_ins(target, rng, effort.scale(400))
    most_48 = SITE_FACTOR * MAX_GUESTS_PER_ADDRESS
    return [
        Figure("guests of one /64 in 130 tries", one_64, MAX_GUESTS_PER_ADDRESS + REFILL),
        Figure("of which are started", one_64, MAX_GUESTS_PER_ADDRESS, at_least=True),
        Figure("guests of its /48", one_64 + one_48, most_48 + REFILL),
        Figure("sign-ins of a bystander that the flood shut out", refused, 0),
    ]


async def _start_guests(target: Target, addresses: Sequence[str]) -> int:
    """How many guests were started, each from its address."""
    body = {"query": document("guest_sign_in")}
    places = asyncio.Semaphore(WORKERS)

    async def start(address: str) -> bool:
        async with places:
            answer = await _ask(target, body, address)
        return bool(answer["data"]["guestSignIn"]["errors"] == [])

    return sum(await asyncio.gather(*(start(address) for address in addresses)))


async def _flood_sign_ins(target: Target, rng: random.Random, count: int) -> int:
    """How many sign-ins of one calm client were refused since the queue was full of others."""
    flood: asyncio.Queue[str] = asyncio.Queue()
    for _ in range(count):
        flood.put_nowait(f"2a00:{rng.randrange(65_536):x}:1:{rng.randrange(65_536):x}::1")

    async def work() -> None:
        while not flood.empty():
            address = flood.get_nowait()
            await _sign_in(target, f"{rng.randrange(10**9)}@example.org", address)

    workers = [asyncio.create_task(work()) for _ in range(WORKERS)]
    outcomes: Counter[bool] = Counter()
    while not all(worker.done() for worker in workers):
        outcomes[await _sign_in(target, "calm@example.org", "203.0.113.77")] += 1
        await asyncio.sleep(1)
    return outcomes[True]


async def _sign_in(target: Target, email: str, address: str) -> bool:
    """Try a password; whether the queue of hashes was full."""
    values = {"email": email, "password": "none of these passwords"}
    body = {"query": document("password_sign_in"), "variables": {"input": values}}
    return BUSY in json.dumps(await _ask(target, body, address))


async def _ask(target: Target, body: dict[str, Any], address: str) -> dict[str, Any]:
    forwarded = f"x-forwarded-for: {address}\r\n".encode()
    async with raw_connection(target.port, source=PROXY) as connection:
        await connection.send(post(json.dumps(body).encode(), headers=forwarded))
        status, answer = await connection.response()
    parsed: dict[str, Any] = json.loads(answer) if status else {}
    return parsed
