"""Followers of one order whose connections break at any moment; they resume from their cursor."""

import asyncio
import random
import re
import time
from base64 import urlsafe_b64decode
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from uuid import UUID

import orjson

from benchmarks.live.listeners import LISTENER_CLASSES, Group, ListenEndpoint, ListenersFailed
from database.audit import AuditContext
from database.scope import PLATFORM
from database.sessions import Database
from models.fulfillment import Fulfillment, FulfillmentStatus
from models.identity import Grant, Role
from models.orders import Order, OrderLine
from models.payments import Refund, RefundStatus
from services.events.event_log import order_stream, record_event
from services.stock.reservation_decisions import ReservationRequest, reserve_batch
from tests.support.city import City
from tests.support.faults.process_group import ServerGroup, SignedInUser
from tests.support.order_rows import create_order_rows
from tests.support.waiting import until

TRACK = """subscription Track($orderId: ID!, $after: String) {
  orderTracked(orderId: $orderId, after: $after) { kind cursor event { type } }
}"""
CURSOR = re.compile(rb'"cursor":"([^"]+)"')
ORIGIN = AuditContext("test:followers")
BACK_OFF_SECONDS = (0.02, 0.3)
TIMEOUT_SECONDS = 10.0
OUTAGE_SECONDS = 300.0
HOLD_SECONDS = 3600.0
BLIND_CUT_PROBABILITY = 0.2
"""Share of connections that may be cut before the first message, others only after it."""
WRITERS = 4


def seq_of_cursor(cursor: bytes) -> int:
    """Return the event number of a cursor of one stream."""
    _, seq, _ = orjson.loads(urlsafe_b64decode(cursor + b"=" * (-len(cursor) % 4)))
    return int(seq)


@dataclass
class Follower:
    """Records the event number of each message it receives, over changing connections."""

    connections: Sequence[ListenEndpoint]
    rng: random.Random
    transports: Sequence[str] = tuple(LISTENER_CLASSES)
    received_seqs: list[int] = field(default_factory=list)
    other_messages: list[str] = field(default_factory=list)
    snapshot_seq: int | None = None
    cursor: str | None = None
    connected_at: list[float] = field(default_factory=list)
    _group: Group | None = None
    _last_seq: Callable[[], int | None] = field(default=lambda: None)

    async def follow(
        self, connection_seconds: Callable[[], float], last_seq: Callable[[], int | None]
    ) -> None:
        """Follow until the last event; each connection is cut after `connection_seconds`."""
        self._last_seq = last_seq
        while not self._is_complete(last_seq()):
            connection = replace(self.rng.choice(self.connections), after=self.cursor)
            await self._listen(connection, connection_seconds(), last_seq)
            await asyncio.sleep(self.rng.uniform(*BACK_OFF_SECONDS))

    def _is_complete(self, last_seq: int | None) -> bool:
        """Whether the last event is known and was received."""
        return last_seq is not None and self.received_seqs[-1:] >= [last_seq]

    async def _wait_for_message(self, group: Group) -> None:
        """Wait for the first message of a connection, which may take long on a slow machine."""
        before = len(self.received_seqs), len(self.other_messages), self.snapshot_seq

        def changed() -> bool:
            now = len(self.received_seqs), len(self.other_messages), self.snapshot_seq
            return now != before or bool(group.failures)

        with suppress(TimeoutError):
            await until(changed, TIMEOUT_SECONDS, "a message", poll_seconds=0.05)

    async def _listen(
        self, connection: ListenEndpoint, seconds: float, last_seq: Callable[[], int | None]
    ) -> None:
        group = Group(1)
        client = LISTENER_CLASSES[self.rng.choice(self.transports)](connection, group, self.receive)
        try:
            async with asyncio.timeout(5):
                await asyncio.get_running_loop().create_connection(
                    lambda: client, "127.0.0.1", connection.port
                )
        except (OSError, TimeoutError):
            return
        self.connected_at.append(time.monotonic())
        self._group = group
        with suppress(ListenersFailed, TimeoutError):
            if not self._is_complete(last_seq()):
                if self.rng.random() > BLIND_CUT_PROBABILITY:
                    await self._wait_for_message(group)
                await group.until_disconnected(seconds)
        self._group = None
        client.disconnect()

    def interrupt(self) -> None:
        """End the current connection, so that the follower checks whether it has all events."""
        if self._group is not None:
            self._group.add_failure("interrupted")

    def receive(self, message: bytes) -> None:
        """Record one message; a message without a cursor is an error."""
        match = CURSOR.search(message)
        if match is None:
            self.other_messages.append(message[:200].decode(errors="replace"))
            return
        seq = seq_of_cursor(match[1])
        self.cursor = match[1].decode()
        if b'"EVENT"' in message:
            self.received_seqs.append(seq)
            if (end := self._last_seq()) is not None and seq >= end:
                self.interrupt()
        elif b'"SNAPSHOT"' in message and self.snapshot_seq is None:
            self.snapshot_seq = seq
        else:
            self.other_messages.append(message[:200].decode(errors="replace"))


def mean_lag(followers: Sequence[Follower], head: int) -> float:
    """Return how many events the followers are behind, on average."""
    seqs = (
        follower.received_seqs[-1] if follower.received_seqs else follower.snapshot_seq or 0
        for follower in followers
    )
    return head - sum(seqs) / len(followers)


@dataclass
class EventWriter:
    """Records events of one order at a constant rate, through every outage."""

    database: Database
    order_id: UUID
    written_count: int = 0
    attempt_count: int = 0

    async def write(
        self,
        count: int,
        per_second: float,
        overloaded: Callable[[], bool] = lambda: False,
        is_over: Callable[[], bool] = lambda: False,
    ) -> None:
        """Record `count` events, or fewer if `is_over` becomes true before.

        A write with an unknown result may have succeeded and is retried. Pauses while the readers
        are overloaded: a slow machine is not a fault.
        """
        remaining = iter(range(count))

        async def write_some() -> None:
            for _ in remaining:
                if is_over():
                    return
                await asyncio.sleep(WRITERS / per_second)
                await until(
                    lambda: not overloaded(), OUTAGE_SECONDS, "a smaller lag", poll_seconds=0.05
                )
                await until(self._write_one, OUTAGE_SECONDS, "a write", poll_seconds=0.1)
                self.written_count += 1

        await asyncio.gather(*(write_some() for _ in range(WRITERS)))

    async def _write_one(self) -> bool:
        self.attempt_count += 1
        try:
            async with asyncio.timeout(10), self.database.write(PLATFORM, ORIGIN) as session:
                body = {"order_id": self.order_id}
                stream = order_stream(self.order_id)
                record_event(session, stream, "LINE_PICKED", body, company_id=None)
        except Exception:
            return False
        return True


async def create_idle_order(database: Database, city: City) -> Order:
    """Create an order that no store, rider or job acts on, with its units reserved.

    The worker of the test audits its store.
    """
    async with database.write(PLATFORM, ORIGIN) as session:
        keys = await create_order_rows(session, city.first)
        task = await session.get_one(Fulfillment, keys[Fulfillment])
        task.status = FulfillmentStatus.CANCELED  # so that no store picks it
        refund = await session.get_one(Refund, keys[Refund])
        refund.status = RefundStatus.FAILED  # so that no job settles it
        order = await session.get_one(Order, keys[Order])
        line = await session.get_one(OrderLine, keys[OrderLine])
        units = {line.product_id: line.quantity}
        await reserve_batch(
            session,
            [ReservationRequest(order.company_id, order.store_id, order.id, units, HOLD_SECONDS)],
        )
        return order


async def sign_in_staff(
    servers: ServerGroup, database: Database, city: City, count: int
) -> list[SignedInUser]:
    """Sign in `count` new staff members of the store of idle orders."""
    grant = Grant(Role.STORE_STAFF, city.company.id, city.near.id)
    return [await servers.sign_in(database, f"Staff {n}", grant) for n in range(count)]


async def until_snapshots(followers: Sequence[Follower], seconds: float) -> None:
    """Wait until every follower has received its snapshot."""
    await until(
        lambda: all(follower.snapshot_seq is not None for follower in followers),
        seconds,
        "a snapshot for every follower",
    )


async def head_of(servers: ServerGroup, order: Order) -> int:
    """Return the number of the last event of an order."""
    query = "select seq from stream where stream = $1"
    ((head,),) = await servers.fetch(query, order_stream(order.id))
    return int(head)


def delivery_error(follower: Follower, last_seq: int) -> str | None:
    """Describe what a follower missed; None when it received every event once, in order."""
    first = follower.snapshot_seq
    if first is None:
        return "received no snapshot"
    expected = list(range(first + 1, last_seq + 1))
    if follower.received_seqs == expected:
        return None
    lost = sorted(set(expected) - set(follower.received_seqs))[:5]
    twice = len(follower.received_seqs) - len(set(follower.received_seqs))
    counts = (
        f"{len(follower.received_seqs)} of {len(expected)}: {len(lost)} lost {lost}, {twice} twice"
    )
    return f"{counts}; {follower.other_messages[:2]}"
