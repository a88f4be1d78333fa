"""Rights that end while sockets and streams of their holders are open.

The rights are ended in the database, as another process of the server does it: the attacked one is
told nothing. What is carried out or delivered later than five seconds after the end counts.
"""

import asyncio
import json
import time
from base64 import urlsafe_b64decode
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import asyncpg
from websockets.exceptions import ConnectionClosed

from attack.client import HOST
from attack.people import People, settle
from attack.registry import Effort, Figure
from attack.target import PEOPLE, Target, document
from models.identity import Role
from models.ids import encode_id
from models.stores import Store
from tests.support.server.websocket_client import WebSocketClient, open_socket

BOUND_SECONDS = 5.0
WATCHED_SECONDS = 8.0
PAUSE_SECONDS = 0.1
WAYS = {
    "signed out": "update sign_in_session set revoked_at = now() where id = $1"
    " and $2::uuid is not null",
    "session expired": "update sign_in_session set expires_at = now() where id = $1"
    " and $2::uuid is not null",
    "dismissed": "update membership set revoked_at = now() where person_id = $2"
    " and $1::uuid is not null",
}
STREAMS = {
    Role.CUSTOMER: None,
    Role.RIDER: "delivery_offered",
    Role.STORE_STAFF: "store_queue_changed",
    Role.STORE_MANAGER: "store_queue_changed",
    Role.SUPPORT_AGENT: "support_queue_changed",
}
"""A stream that people of a role may open."""


@dataclass
class Watched:
    """An open socket of somebody: what it did after the end, and when it was closed."""

    late: int = 0
    served: int = 0
    closed_after: float = WATCHED_SECONDS


async def attack(target: Target, effort: Effort) -> Sequence[Figure]:
    """End the right of a person of each role in each way, while sockets ask and listen."""
    people = await settle(target)
    roles = list(STREAMS)[:: 2 if effort.short else 1]
    watched: dict[str, list[Watched]] = {}
    for way in WAYS:
        holders = [(role, await _take(people, role)) for role in roles]
        watched[way] = await asyncio.gather(
            *(_watch(target, role, token, way) for role, token in holders)
        )
    everything = [one for of_way in watched.values() for one in of_way]
    unserved = sum(not one.served for one in everything)
    return [
        *(
            Figure(f"seconds until all sockets are closed: {way}", max(
                one.closed_after for one in of_way
            ), BOUND_SECONDS, "s")
            for way, of_way in watched.items()
        ),
        Figure("operations and events later than that", sum(o.late for o in everything), 0),
        Figure("sockets that were not served before the end", unserved, 0),
    ]  # fmt: skip


async def _take(people: People, role: Role) -> str:
    """The token of somebody whom nobody else uses."""
    token = await people.token(role)
    people.forget(role, token)
    return token


async def _watch(target: Target, role: Role, token: str, way: str) -> Watched:
    """Ask on a socket again and again, and listen, while the right of its holder ends."""
    part = token.split(".")[1]
    claims = json.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    database = await asyncpg.connect(target.instance.database_url.replace("+asyncpg", "", 1))
    result = Watched()
    url = f"ws://{HOST}:{target.port}/graphql"
    try:
        async with open_socket(url, local_addr=(PEOPLE, 0)) as socket:
            await socket.init(token)
            await _listen(socket, database, role, claims)
            ended = asyncio.create_task(_end(database, way, claims))
            await _ask_on(socket, result, ended)
    finally:
        await database.close()
    return result


async def _end(database: Any, way: str, claims: dict[str, str]) -> float:
    """End the right after a second; when that was done."""
    await asyncio.sleep(1)
    await database.execute(WAYS[way], claims["sid"], claims["sub"])
    return time.monotonic()


async def _listen(socket: WebSocketClient, database: Any, role: Role, claims: Any) -> None:
    if (name := STREAMS[role]) is None:
        return
    query = "select store_id from membership where person_id = $1 and store_id is not null"
    store = await database.fetchval(query, claims["sub"])
    variables = {"storeId": encode_id(Store, store)} if name.startswith("store") else {}
    await socket.subscribe("stream", document(name), variables=variables)


async def _ask_on(socket: WebSocketClient, result: Watched, ended: "asyncio.Task[float]") -> None:
    """Send an operation every tenth of a second until the socket is closed."""

    async def send() -> None:
        for number in range(10_000):
            await socket.subscribe(f"q{number}", document("viewer"))
            await asyncio.sleep(PAUSE_SECONDS)

    sending = asyncio.create_task(send())
    try:
        with suppress(ConnectionClosed, TimeoutError):
            async with asyncio.timeout(1 + WATCHED_SECONDS):
                while True:
                    _note(await socket.receive(), result, ended)
        if socket.connection.close_code is not None:
            result.closed_after = max(0.0, time.monotonic() - await ended)
    finally:
        sending.cancel()
        await asyncio.gather(sending, ended, return_exceptions=True)


def _note(message: dict[str, Any], result: Watched, ended: "asyncio.Task[float]") -> None:
    """Count an answer with data, before the end or after the five seconds."""
    payload = message.get("payload") or {}
    if message["type"] != "next" or not (payload.get("data") or {}):
        return
    if not ended.done():
        result.served += 1
    elif time.monotonic() - ended.result() > BOUND_SECONDS:
        result.late += 1
