"""Uses of the entry points by somebody whose right ends meanwhile, and what they got."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import httpx
from websockets.exceptions import ConnectionClosed

from attack.client import HOST
from attack.rights.holders import Holder, Request
from attack.target import PEOPLE, Target
from tests.support.server.websocket_client import WebSocketClient, open_socket

SERVED_SECONDS = 60.0
WATCHED_SECONDS = 12.0
PAUSE_SECONDS = 0.2
DENIED = {"FORBIDDEN", "UNAUTHENTICATED"}
EVENT_STREAM = "text/event-stream"


@dataclass
class Watched:
    """One entry point of a holder: what it answered, and when it was closed after the end."""

    entry_point: str
    late: int = 0
    serving: asyncio.Event = field(default_factory=asyncio.Event, repr=False)
    """Whether it has served before the end."""
    ended_after: float = 0.0
    """Seconds from the end of the right to the last answer, or to the close of the connection."""


@dataclass
class Watching:
    """All entry points of a holder, who may no longer use them at some moment."""

    target: Target
    holder: Holder
    bound_seconds: float
    closed_at: float | None = None
    over: asyncio.Event = field(default_factory=asyncio.Event)

    def note_answer(self, watched: Watched) -> None:
        """Count an answer that the holder got by their right."""
        if self.closed_at is None:
            watched.serving.set()
            return
        watched.ended_after = time.monotonic() - self.closed_at
        watched.late += watched.ended_after > self.bound_seconds

    def note_open(self, watched: Watched) -> None:
        """Count the time for which a connection was open after the end."""
        if self.closed_at is not None and not self.holder.may_connect:
            watched.ended_after = max(watched.ended_after, time.monotonic() - self.closed_at)


async def watch(target: Target, holder: Holder, bound_seconds: float) -> Sequence[Watched]:
    """Use all entry points, end the right once each has served, and go on using them."""
    watching = Watching(target, holder, bound_seconds)
    entry_points = {
        name: Watched(name)
        for name in WATCHES
        if not (name == "event stream" and holder.streamed is None)
        and not (name == "queries" and holder.may_ask)
    }
    using = [
        asyncio.create_task(WATCHES[name](watching, entry_point))
        for name, entry_point in entry_points.items()
    ]
    with suppress(TimeoutError):
        async with asyncio.timeout(SERVED_SECONDS):
            await asyncio.gather(
                *(entry_point.serving.wait() for entry_point in entry_points.values())
            )
    await _end(watching)
    await asyncio.sleep(WATCHED_SECONDS)
    watching.over.set()
    await asyncio.gather(*using)
    return list(entry_points.values())


async def _end(watching: Watching) -> None:
    url = watching.target.instance.database_url.replace("+asyncpg", "", 1)
    database = await asyncpg.connect(url)
    try:
        first, second = watching.holder.keys
        statement = watching.holder.end + " and ($1::uuid, $2::uuid) is not null"
        await database.execute(statement, first, second)
    finally:
        await database.close()
    watching.closed_at = time.monotonic()


async def _ask(watching: Watching, watched: Watched) -> None:
    await _post_on(watching, watched, watching.holder.asked)


async def _change(watching: Watching, watched: Watched) -> None:
    await _post_on(watching, watched, watching.holder.changed)


async def _post_on(watching: Watching, watched: Watched, request: Request) -> None:
    """Send a request again and again over HTTP."""
    async with _client(watching) as http:
        while not watching.over.is_set():
            response = await http.post("/graphql", json=_payload(request))
            if _is_served(response.status_code, response.json()):
                watching.note_answer(watched)
            await asyncio.sleep(PAUSE_SECONDS)


async def _stream(watching: Watching, watched: Watched) -> None:
    """Open a stream of events, and read it to its end."""
    if (request := watching.holder.streamed) is None:
        return
    headers = {"accept": EVENT_STREAM}
    async with (
        _client(watching) as http,
        http.stream("POST", "/graphql", json=_payload(request), headers=headers) as response,
    ):
        if not response.headers["content-type"].startswith(EVENT_STREAM):
            return
        watched.serving.set()
        reading = asyncio.create_task(_read(response))
        over = asyncio.create_task(watching.over.wait())
        await asyncio.wait({reading, over}, return_when=asyncio.FIRST_COMPLETED)
        watching.note_open(watched)
        for task in (reading, over):
            task.cancel()
        await asyncio.gather(reading, over, return_exceptions=True)


async def _read(response: httpx.Response) -> None:
    with suppress(httpx.HTTPError):
        async for _ in response.aiter_bytes():
            pass


async def _talk(watching: Watching, watched: Watched) -> None:
    """Ask and listen on a socket until it is closed."""
    url = f"ws://{HOST}:{watching.target.port}/graphql"
    async with open_socket(url, local_addr=(PEOPLE, 0)) as socket:
        await socket.init(watching.holder.bearer)
        if watching.holder.streamed is not None:
            await socket.subscribe("stream", **_payload(watching.holder.streamed))
        sending = asyncio.create_task(_send_on(watching, socket))
        reading = asyncio.create_task(_receive(watching, watched, socket))
        over = asyncio.create_task(watching.over.wait())
        await asyncio.wait({reading, over}, return_when=asyncio.FIRST_COMPLETED)
        watching.note_open(watched)
        for task in (sending, reading, over):
            task.cancel()
        await asyncio.gather(sending, reading, over, return_exceptions=True)


async def _send_on(watching: Watching, socket: WebSocketClient) -> None:
    for number in range(10_000):
        await socket.subscribe(f"q{number}", **_payload(watching.holder.asked))
        await asyncio.sleep(PAUSE_SECONDS)


async def _receive(watching: Watching, watched: Watched, socket: WebSocketClient) -> None:
    with suppress(ConnectionClosed):
        while True:
            message = await socket.receive()
            if message["type"] == "next" and _is_served(200, message["payload"]):
                watching.note_answer(watched)


def _client(watching: Watching) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        base_url=f"http://{HOST}:{watching.target.port}",
        headers={"authorization": f"Bearer {watching.holder.bearer}"},
        transport=httpx.AsyncHTTPTransport(local_address=PEOPLE),
        timeout=SERVED_SECONDS,
    )


def _payload(request: Request) -> dict[str, Any]:
    return {"query": request.query, "variables": request.variables}


def _is_served(status: int, answer: Mapping[str, object]) -> bool:
    """Whether an answer came by the right: no refusal, whatever the data is."""
    errors = answer.get("errors")
    if status != 200 or not answer.get("data"):
        return False
    return not any(
        (one.get("extensions") or {}).get("code") in DENIED
        for one in (errors if isinstance(errors, list) else [])
    )


WATCHES: Mapping[str, Callable[[Watching, Watched], Coroutine[Any, Any, None]]] = {
    "queries": _ask,
    "mutations": _change,
    "event stream": _stream,
    "socket": _talk,
}
"""The entry points by name."""
