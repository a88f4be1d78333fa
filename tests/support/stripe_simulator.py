"""A Stripe simulator on a free port, a store that is paid through it, and its webhook inbox."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import httpx
import orjson
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from gateways.payments import PaymentIntent, StripePaymentGateway
from simulators.stripe import SimulatorSettings, build

SECRET_KEY = "sk_test_desk"
PUBLISHABLE_KEY = "pk_test_desk"
WEBHOOK_SECRET = "whsec_desk"
WAIT_SECONDS = 60.0


class QuietServer(uvicorn.Server):
    """A server that leaves signal handling to pytest."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def serve(app: ASGIApp, *, port: int = 0) -> AsyncIterator[str]:
    """Serve an ASGI app by uvicorn on loopback; yields the address while it runs."""
    # With an explicit protocol asyncio disables Nagle's algorithm: saves 40 ms for each response.
    listener = socket.socket(proto=socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    config = uvicorn.Config(app, access_log=False, log_level="warning")
    server = QuietServer(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        await wait_until(lambda: server.started)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await task
        listener.close()


async def wait_until(condition: Callable[[], bool]) -> None:
    """Wait until a condition holds, at most WAIT_SECONDS."""
    async with asyncio.timeout(WAIT_SECONDS):
        while not condition():  # noqa: ASYNC110 - the condition has no event to wait for
            await asyncio.sleep(0.01)


@dataclass
class WebhookInbox:
    """The requests to the store's webhook address, in order; can refuse the first ones.

    The address changes with each test, so that a request sent in one can't arrive in the next.
    """

    address: str = "/webhooks/stripe"
    requests: list[tuple[bytes, str]] = field(default_factory=list)
    refusals_left: int = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        is_mine = scope["path"] == self.address
        refused = is_mine and self.refusals_left > 0
        self.refusals_left -= refused
        if is_mine and not refused:
            headers = dict(scope["headers"])
            self.requests.append((body, headers[b"stripe-signature"].decode()))
        status = 503 if refused else 200
        headers_out = [(b"content-length", b"0")]
        await send({"type": "http.response.start", "status": status, "headers": headers_out})
        await send({"type": "http.response.body"})

    def event_types(self) -> list[str]:
        return [orjson.loads(body)["type"] for body, _ in self.requests]

    def events(self) -> list[Any]:
        return [orjson.loads(body) for body, _ in self.requests]


@dataclass
class StripeSandbox:
    """Clients of the simulator: the store, its customer, and the payment gateway under test."""

    url: str
    payments: StripePaymentGateway
    inbox: WebhookInbox
    webhook_base_url: str
    store: httpx.AsyncClient
    customer: httpx.AsyncClient

    async def reset(self) -> None:
        """Delete all payments and requests, and undo all injected faults."""
        self.inbox.requests, self.inbox.refusals_left = [], 0
        self.inbox.address = f"/{uuid4().hex}"
        await self.control("reset", None)
        await self.control("webhook", {"url": self.webhook_base_url + self.inbox.address})

    async def authorize(
        self, amount_minor: int = 1000, *, payment_id: UUID | None = None, **arguments: Any
    ) -> PaymentIntent:
        return await self.payments.authorize(
            payment_id=payment_id or uuid4(),
            order_id=uuid4(),
            amount_minor=amount_minor,
            currency="HKD",
            **arguments,
        )

    async def confirm(self, intent: PaymentIntent, card: str, **more: str) -> httpx.Response:
        """Pay as the customer's app does: publishable key and the intent's own secret."""
        form = {"key": PUBLISHABLE_KEY, "client_secret": intent.client_secret or ""}
        return await self.customer.post(
            f"/v1/payment_intents/{intent.id}/confirm",
            data={**form, "payment_method": card, **more},
        )

    async def authorized_intent(self, amount_minor: int = 1000) -> PaymentIntent:
        """An authorized intent."""
        intent = await self.authorize(amount_minor)
        response = await self.confirm(intent, "pm_card_visa")
        assert response.status_code == 200, response.text
        return await self.payments.retrieve(intent.id)

    async def control(self, command: str, body: Any) -> Any:
        response = await self.store.post(f"/_control/{command}", content=orjson.dumps(body))
        assert response.status_code == 200, response.text
        return response.json()

    async def finished_deliveries(self) -> list[Any]:
        """The results of all webhooks, once none is waiting to be sent."""
        async with asyncio.timeout(WAIT_SECONDS):
            while True:
                response = await self.store.get("/_control/deliveries")
                deliveries = list(response.json()["deliveries"])
                if all(delivery["due_at"] is None for delivery in deliveries):
                    return deliveries
                await asyncio.sleep(0.05)


@asynccontextmanager
async def connect_sandbox(
    url: str, inbox: WebhookInbox, webhook_base_url: str
) -> AsyncIterator[StripeSandbox]:
    """Clients for the simulator at this address."""
    payments = StripePaymentGateway(
        secret_key=SECRET_KEY, webhook_secret=WEBHOOK_SECRET, api_base=url
    )
    bearer = {"Authorization": f"Bearer {SECRET_KEY}"}
    async with (
        httpx.AsyncClient(base_url=url, headers=bearer, trust_env=False) as store,
        httpx.AsyncClient(base_url=url, trust_env=False) as customer,
    ):
        yield StripeSandbox(url, payments, inbox, webhook_base_url, store, customer)
    await payments.close()


@asynccontextmanager
async def open_sandbox(**settings: Any) -> AsyncIterator[StripeSandbox]:
    """A new simulator, its clients and a webhook inbox."""
    inbox = WebhookInbox()
    async with serve(inbox) as webhook_url:
        simulator_settings = SimulatorSettings(
            secret_key=SECRET_KEY,
            webhook_secret=WEBHOOK_SECRET,
            webhook_url=webhook_url + inbox.address,
            **settings,
        )
        async with (
            serve(build(simulator_settings)) as url,
            connect_sandbox(url, inbox, webhook_url) as sandbox,
        ):
            yield sandbox
