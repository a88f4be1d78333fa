"""A test beside a running server: the same database, the same keys, and its third parties."""

import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import httpx

from database.sessions import Database
from gateways.objects import DiskObjects
from local import Instance
from resolvers.context import Container
from services.checkout.unpaid_limits import UnpaidLimits
from subscriptions.engine.hub import Hub
from tests.support.actors import ActorClient, InMemorySms
from tests.support.customers import NO_LIMITS
from tests.support.production.providers import payment_provider, text_provider
from tests.support.stripe_simulator import StripeSandbox
from workflows.delivery.position_ingest import PositionIngest
from workflows.files.complete_upload import file_checks
from workflows.identity.authenticator import Authenticator
from workflows.stock.reservation_batcher import ReservationBatcher

REQUEST_SECONDS = 60.0


class RunningServer(Protocol):
    """A server on this machine."""

    @property
    def port(self) -> int: ...
    @property
    def pid(self) -> int: ...
    @property
    def instance(self) -> Instance: ...
    @property
    def keys_file(self) -> Path: ...
    @property
    def payments_port(self) -> int: ...
    @property
    def texts_port(self) -> int: ...


@dataclass
class Harness:
    """What a test has beside the server."""

    container: Container
    payments: StripeSandbox
    texts: InMemorySms
    http: httpx.AsyncClient
    unpaid_limits: UnpaidLimits = NO_LIMITS


@asynccontextmanager
async def open_harness(server: RunningServer) -> AsyncIterator[Harness]:
    """Connect to the server and to its database, and be its third parties, for the block."""
    async with AsyncExitStack() as stack:
        database = Database(server.instance.database_url)
        stack.push_async_callback(database.close)
        payments = await stack.enter_async_context(payment_provider(server.payments_port))
        texts = await stack.enter_async_context(text_provider(server.texts_port))
        base_url = f"http://127.0.0.1:{server.port}"
        http = httpx.AsyncClient(base_url=base_url, timeout=REQUEST_SECONDS, trust_env=False)
        await stack.enter_async_context(http)
        hub = Hub(database, "memory://")
        await hub.start()
        stack.push_async_callback(hub.close)
        container = Container(
            database=database,
            reservation_queue=ReservationBatcher(database),
            positions=PositionIngest(database),
            payments=payments.payments,
            sms=texts,
            authenticator=Authenticator(keys_file=server.keys_file, database=database),
            streams=hub,
            files=file_checks(database, DiskObjects(server.keys_file.parent / "files/objects")),
            unpaid_limits=NO_LIMITS,
        )
        container.reservation_queue.start()
        container.positions.start()
        stack.push_async_callback(container.reservation_queue.close)
        stack.push_async_callback(container.positions.close)
        yield Harness(container, payments, texts, http)


def headers_of(client: ActorClient, **more: str) -> dict[str, str]:
    """The headers of a person's requests."""
    if not client.actor.signed_in:
        return more
    token, _ = client.container.authenticator.sign(client.actor)
    return {"authorization": f"Bearer {token}", **more}


def unused_place(rng: random.Random) -> tuple[float, float]:
    """Latitude and longitude where no other run has built its city."""
    return rng.uniform(-60, 60), rng.uniform(-170, 170)
