"""Where listeners subscribe, and how events are published: for our server and for the peers."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from uuid import UUID

from benchmarks.live.listeners import ListenEndpoint
from benchmarks.peers.contenders import Running
from benchmarks.peers.place import Place
from database.audit import AuditContext
from database.base import uuid7
from database.scope import PLATFORM
from database.sessions import Database
from models.identity import Actor, Grant, Role
from models.ids import encode_id
from models.orders import Order
from services.events.event_log import order_stream, record_event
from subscriptions.engine.hub import Hub
from workflows.identity.authenticator import Authenticator

DOCUMENT = """subscription Track($orderId: ID!) {
  orderTracked(orderId: $orderId) { kind cursor event { type occurredAt } order { id code status } }
}"""
SIZES = {"one": 1, "hundred": 100, "thousand": 1_000}
ORIGIN = AuditContext("benchmark:live")
SESSION = (
    "insert into sign_in_session (id, person_id, device, address, expires_at)"
    " values ('{session}', '{person}', 'bench', '', now() + interval '1 day')"
)
LIVE = (
    "select customer_id, id from \"order\" where status = 'CONFIRMED' and code like 'B%'"
    " order by id limit {count}"
)
Publish = Callable[[str], Awaitable[None]]


@asynccontextmanager
async def darkstore_endpoints(
    place: Place, running: Running
) -> AsyncIterator[tuple[Publish, dict[str, ListenEndpoint]]]:
    """The endpoints of our server; this process commits and announces the events."""
    postgres = place.instance.postgres
    names = ["warm", *SIZES, "rest"]
    rows = postgres.sql(LIVE.format(count=len(names)), "darkstore").splitlines()
    database = Database(postgres.url(place.database))
    identity = Authenticator(keys_file=place.keys_file, database=database)
    hub = Hub(database, place.instance.redis_url)
    database.announcer.subscribe(hub.publish_events)
    endpoints: dict[str, ListenEndpoint] = {}
    orders: dict[str, UUID] = {}
    for name, row in zip(names, rows, strict=True):
        person, order = map(UUID, row.split("|"))
        session = uuid7()
        postgres.sql(SESSION.format(session=session, person=person), "darkstore")
        token, _ = identity.sign(Actor(person, session, (Grant(Role.CUSTOMER),)))
        orders[name] = order
        endpoints[name] = ListenEndpoint(
            running.port, DOCUMENT, encode_id(Order, order), token, snapshot=True
        )

    async def publish(name: str) -> None:
        async with database.write(PLATFORM, ORIGIN) as session:
            order = orders[name]
            body = {"order_id": order}
            record_event(session, order_stream(order), "LINE_PICKED", body, company_id=None)

    await hub.start()
    while not hub.connected:  # noqa: ASYNC110 - the hub has no event for it
        await asyncio.sleep(0.05)
    yield publish, endpoints
    await hub.close()
    await database.close()


@asynccontextmanager
async def peer_endpoints(
    place: Place, running: Running
) -> AsyncIterator[tuple[Publish, dict[str, ListenEndpoint]]]:
    """The endpoints of a peer; a mutation publishes to its listeners."""
    names = ["warm", *SIZES, "rest"]
    endpoints = {
        name: ListenEndpoint(running.port, DOCUMENT, name, None, snapshot=False) for name in names
    }
    reader, writer = await asyncio.open_connection("127.0.0.1", running.port)

    async def publish(name: str) -> None:
        body = json.dumps({"query": f'mutation {{ tell(orderId: "{name}") }}'}).encode()
        head = "POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
        writer.write(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
        length = 0
        while (line := await reader.readline()) != b"\r\n":
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        await reader.readexactly(length)

    lock = asyncio.Lock()

    async def publish_in_turn(name: str) -> None:
        async with lock:
            await publish(name)

    yield publish_in_turn, endpoints
    writer.close()
