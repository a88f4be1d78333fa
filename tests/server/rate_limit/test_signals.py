"""Frames of a socket that are no operation are paid for, and an honest client never notices."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from execution import Answer, Engine, Limits
from models.identity import Actor
from resolvers.context import Container
from resolvers.prices import SIGNAL, signal_price
from schema.root import graph
from server.errors import format_error
from server.graphql_engine import GraphQLEngine
from server.rate_limit.budgets import CallerBudgets
from server.rate_limit.callers import CallerBucketSizes
from server.transport.authentication import AuthenticatedCaller
from server.transport.document_lookup import NoPersistedQueries
from server.transport.limits import FREE_SIGNALS, SOCKET_HEARTBEAT_SECONDS, TransportLimits
from server.transport.operation import Operation
from server.transport.send_queue import SendQueue
from server.transport.websocket import frame_payment
from server.transport.websocket.frame_payment import FramePayment
from server.transport.websocket.frames import TRY_AGAIN, CloseSocket
from server.transport.websocket.operations import SocketOperations
from services.core.rate_limiter import CostReservation, RateLimiter
from tests.support.actors import create_client
from tests.support.server.client import serve_engine
from tests.support.server.websocket_client import open_socket

PADDED = '{"type":"ping","payload":{"a":"%s"}}' % ("x" * 1_000)
Send = Callable[[ClientConnection], Awaitable[Any]]
SIGNALS: dict[str, Send] = {
    "ping": lambda socket: socket.send('{"type":"ping"}'),
    "padded ping": lambda socket: socket.send(PADDED),
    "pong": lambda socket: socket.send('{"type":"pong"}'),
    "complete": lambda socket: socket.send('{"type":"complete","id":"none"}'),
    "control ping": lambda socket: socket.ping(),
    "control pong": lambda socket: socket.pong(),
    "pieces of a message": lambda socket: socket.send(iter(["x"] * 2 * FREE_SIGNALS)),
}


def level(budgets: CallerBudgets, actor: Actor) -> int:
    reserved = budgets.reserve(actor, "", 0)
    assert isinstance(reserved, CostReservation)
    return int(reserved.buckets[0].level(budgets.limiter.now()))


@pytest.mark.parametrize("signal", SIGNALS)
async def test_signals_of_a_caller_who_can_pay_nothing_close_the_socket(
    container: Container, monkeypatch: pytest.MonkeyPatch, signal: str
) -> None:
    """Each was read and answered for nothing, fifty or more a second on each of many sockets."""
    monkeypatch.setattr(frame_payment, "FREE_SIGNAL_SECONDS", 3_600.0)  # none comes back
    person = await create_client(container, "Pinger")
    budgets = CallerBudgets(RateLimiter(lambda: 0.0), CallerBucketSizes.of(1_000))
    limited = GraphQLEngine(graph, limits=Limits(), on_error=format_error, budgets=budgets)
    async with (
        serve_engine(container, limited) as client,
        open_socket(client.socket_url) as socket,
    ):
        await socket.init(person.token)
        budgets.take(person.actor, "", level(budgets, person.actor))
        with suppress(ConnectionClosed):
            for _ in range(2 * FREE_SIGNALS):
                await SIGNALS[signal](socket.connection)
        code, reason = await socket.wait_closed()
    assert (code, "try again in" in reason) == (TRY_AGAIN, True)


@pytest.mark.parametrize("signal", ["ping", "padded ping", "complete"])
async def test_signals_beyond_the_free_ones_are_paid_by_their_caller(
    container: Container, monkeypatch: pytest.MonkeyPatch, signal: str
) -> None:
    """By their number and their bytes."""
    monkeypatch.setattr(frame_payment, "FREE_SIGNAL_SECONDS", 3_600.0)
    person = await create_client(container, "Pinger")
    budgets = CallerBudgets(RateLimiter(lambda: 0.0), CallerBucketSizes.of(1_000))
    limited = GraphQLEngine(graph, limits=Limits(), on_error=format_error, budgets=budgets)
    async with (
        serve_engine(container, limited) as client,
        open_socket(client.socket_url) as socket,
    ):
        await socket.init(person.token)  # the first of the free signals
        for _ in range(FREE_SIGNALS - 1):
            await SIGNALS[signal](socket.connection)
        before = level(budgets, person.actor)
        for _ in range(10):
            await SIGNALS[signal](socket.connection)
        await socket.subscribe("end", "{ schemaVersion }")
        while (await socket.receive())["type"] == "pong":
            pass
        spent = before - level(budgets, person.actor)
        await socket.subscribe("again", "{ schemaVersion }")
        while (await socket.receive()).get("id") != "again":
            pass
        operation = before - spent - level(budgets, person.actor)
    price = signal_price(len(PADDED)) if signal == "padded ping" else SIGNAL
    assert price * 10 <= spent - operation <= price * 10 + 100  # the first one is prepared


class CountingEngine(Engine):
    """Counts what is paid, and lets nobody pay."""

    def __init__(self) -> None:
        self.signals = self.requests = 0

    def admit_signal(self, size_bytes: int, context: Any) -> Answer | None:
        self.signals += 1
        return Answer(None, [{"message": "Nothing is left."}], executed=False)

    def admit_request(self, context: Any) -> Answer | None:
        self.requests += 1
        return None


def test_a_client_that_keeps_its_socket_open_by_pings_never_pays() -> None:
    """A day of pings and of pongs, every few seconds, with bursts after a sleep of the phone."""
    engine: Any = CountingEngine()
    payment = FramePayment(engine, None, "203.0.113.90")  # type: ignore[arg-type] # not asked
    payment.caller = AuthenticatedCaller(None, lambda: None)
    for second in range(0, 86_400, 5):
        payment.charge_signal(20, float(second))
        if second % SOCKET_HEARTBEAT_SECONDS == 0:
            payment.charge_signal(20, float(second))
        if second % 3_600 == 0:
            for _ in range(FREE_SIGNALS - 3):
                payment.charge_signal(20, float(second))
    assert engine.signals == 0
    for _ in range(FREE_SIGNALS):
        payment.charge_signal(20, 90_000.0)
    with pytest.raises(CloseSocket, match="Nothing is left"):
        payment.charge_signal(20, 90_000.0)


async def test_an_operation_beyond_those_of_a_socket_is_paid_for() -> None:
    """It was parsed and refused for nothing."""
    engine: Any = CountingEngine()
    sent: list[bytes] = []
    queue: Any = type("Queue", (SendQueue,), {"put_nowait": lambda self, frame: sent.append(frame)})
    limits = TransportLimits(socket_operations_count=0)
    operations = SocketOperations(engine, queue.__new__(queue), limits, NoPersistedQueries())
    operations.start("1", Operation("{ x }", None, None, None), None)
    assert engine.requests == 1
    assert b"TOO_MANY_OPERATIONS" in sent[0]
