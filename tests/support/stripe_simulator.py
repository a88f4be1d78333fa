"""A Stripe simulator on a free port, a store that is paid through it, and the store's inbox."""

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

from gateways.payments import Intent, StripePayments
from simulators.stripe import Settings, build

SECRET_KEY = "sk_test_desk"
PUBLISHABLE_KEY = "pk_test_desk"
WEBHOOK_SECRET = "whsec_desk"
WAIT_SECONDS = 10.0


class QuietServer(uvicorn.Server):
    """Leaves the signals to pytest."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def served(app: ASGIApp, *, port: int = 0) -> AsyncIterator[str]:
    """Serve an ASGI app by uvicorn on loopback; the address while it runs."""
    # With the protocol named, asyncio switches Nagle's delay off: 40 ms less for each answer.
    listener = socket.socket(proto=socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    config = uvicorn.Config(app, access_log=False, log_level="warning")
    server = QuietServer(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        await until(lambda: server.started)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await task
        listener.close()


async def until(true: Callable[[], bool]) -> None:
    """Wait for something that happens by itself, at most ten seconds."""
    async with asyncio.timeout(WAIT_SECONDS):
        while not true():  # noqa: ASYNC110 - what it looks at tells nobody when it changes
            await asyncio.sleep(0.01)


@dataclass
class Inbox:
    """What the store's webhook address received, in order; refuses as often as told.

    The address changes with each test, so that a letter sent in one can't turn up in the next.
    """

    address: str = "/webhooks/stripe"
    letters: list[tuple[bytes, str]] = field(default_factory=list)
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
        mine = scope["path"] == self.address
        refused = mine and self.refusals_left > 0
        self.refusals_left -= refused
        if mine and not refused:
            headers = dict(scope["headers"])
            self.letters.append((body, headers[b"stripe-signature"].decode()))
        status = 503 if refused else 200
        headers_out = [(b"content-length", b"0")]
        await send({"type": "http.response.start", "status": status, "headers": headers_out})
        await send({"type": "http.response.body"})

    def kinds(self) -> list[str]:
        return [orjson.loads(body)["type"] for body, _ in self.letters]

    def events(self) -> list[Any]:
        return [orjson.loads(body) for body, _ in self.letters]


@dataclass
class Desk:
    """Everything a test needs to be paid."""

    url: str
    payments: StripePayments
    inbox: Inbox
    hook: str
    store: httpx.AsyncClient
    customer: httpx.AsyncClient

    async def start_over(self) -> None:
        """Forget all payments and letters, and put everything right that was made to go wrong."""
        self.inbox.letters, self.inbox.refusals_left = [], 0
        self.inbox.address = f"/{uuid4().hex}"
        await self.control("reset", None)
        await self.control("webhook", {"url": self.hook + self.inbox.address})

    async def authorize(
        self, amount_minor: int = 1000, *, payment_id: UUID | None = None, **more: Any
    ) -> Intent:
        return await self.payments.authorize(
            payment_id=payment_id or uuid4(),
            order_id=uuid4(),
            amount_minor=amount_minor,
            currency="HKD",
            **more,
        )

    async def confirm(self, intent: Intent, card: str, **more: str) -> httpx.Response:
        """Pay as the customer's app does: publishable key and the intent's own secret."""
        form = {"key": PUBLISHABLE_KEY, "client_secret": intent.client_secret or ""}
        return await self.customer.post(
            f"/v1/payment_intents/{intent.id}/confirm",
            data={**form, "payment_method": card, **more},
        )

    async def paid(self, amount_minor: int = 1000) -> Intent:
        """An intent whose money is held."""
        intent = await self.authorize(amount_minor)
        answer = await self.confirm(intent, "pm_card_visa")
        assert answer.status_code == 200, answer.text
        return await self.payments.retrieve(intent.id)

    async def control(self, room: str, body: Any) -> Any:
        answer = await self.store.post(f"/_control/{room}", content=orjson.dumps(body))
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def settled_deliveries(self) -> list[Any]:
        """What became of every webhook, once none is waiting to be sent."""
        async with asyncio.timeout(WAIT_SECONDS):
            while True:
                answer = await self.store.get("/_control/deliveries")
                told = list(answer.json()["deliveries"])
                if all(each["due_at"] is None for each in told):
                    return told
                await asyncio.sleep(0.05)


@asynccontextmanager
async def store_at(url: str, inbox: Inbox, hook: str) -> AsyncIterator[Desk]:
    """A store that is paid through the simulator at this address."""
    payments = StripePayments(secret_key=SECRET_KEY, webhook_secret=WEBHOOK_SECRET, api_base=url)
    bearer = {"Authorization": f"Bearer {SECRET_KEY}"}
    async with (
        httpx.AsyncClient(base_url=url, headers=bearer, trust_env=False) as store,
        httpx.AsyncClient(base_url=url, trust_env=False) as customer,
    ):
        yield Desk(url, payments, inbox, hook, store, customer)
    await payments.close()


@asynccontextmanager
async def opened(**settings: Any) -> AsyncIterator[Desk]:
    """A simulator, its store and the store's inbox, all new."""
    inbox = Inbox()
    async with served(inbox) as hook:
        everything = Settings(
            secret_key=SECRET_KEY,
            webhook_secret=WEBHOOK_SECRET,
            webhook_url=hook + inbox.address,
            **settings,
        )
        async with served(build(everything)) as url, store_at(url, inbox, hook) as desk:
            yield desk
