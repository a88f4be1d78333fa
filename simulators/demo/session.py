"""What the chapters of a scene share: people's apps, the provider's side, the transcript."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

import aiohttp

from simulators.client import GraphClient, RequestFailed
from simulators.demo.checks import UnexpectedResult
from simulators.demo.providers import MailReader, PaymentProvider
from simulators.demo.time_lapse import TimeLapse
from simulators.demo.transcript import Transcript
from simulators.demo.watcher import Watcher
from simulators.parts.agent import AgentClient
from simulators.parts.customer import CardProvider, CustomerClient
from simulators.parts.device import RoleClient
from simulators.parts.rider import RiderClient

App = TypeVar("App", bound=RoleClient)
PASSWORD = "darkstore-demo-1"  # noqa: S105 - the seeded accounts of a development store
AGENT = "support2@darkstore.example"
RIDERS = tuple(f"rider{number}@harbour.example" for number in range(230, 200, -1))
NEEDED = {
    "STRIPE_API_BASE": "the simulated card provider",
    "STRIPE_API_KEY": "the simulated card provider",
    "MAILBOX_URL": "the simulated mail server",
    "DATABASE_URL": "the database, to make minutes of waiting short",
}


@dataclass(frozen=True, slots=True)
class DemoSettings:
    """Where the store and the simulators are."""

    url: str
    card_provider: CardProvider
    provider_key: str
    mailbox_url: str
    database_url: str


def read_settings(environment: Mapping[str, str], *needed: str) -> DemoSettings:
    """Read the settings of the running store; raises UnexpectedResult when one is missing."""
    for name in needed:
        if not environment.get(name):
            message = f"{name} is not set ({NEEDED[name]}): start the store with `make run`"
            raise UnexpectedResult(message)
    publishable_key = environment.get("STRIPE_PUBLISHABLE_KEY", "")
    return DemoSettings(
        url=environment.get("DARKSTORE_URL", "http://127.0.0.1:8000"),
        card_provider=CardProvider(environment.get("STRIPE_API_BASE", ""), publishable_key),
        provider_key=environment.get("STRIPE_API_KEY", ""),
        mailbox_url=environment.get("MAILBOX_URL", ""),
        database_url=environment.get("DATABASE_URL", ""),
    )


class DemoSession:
    """One run of a scene; people sign in once, and their apps stay open."""

    def __init__(self, http: aiohttp.ClientSession, settings: DemoSettings) -> None:
        self.script = Transcript()
        self.card_provider = settings.card_provider
        self.provider = PaymentProvider(http, settings.card_provider.url, settings.provider_key)
        self.mails = MailReader(http, settings.mailbox_url)
        self.time = TimeLapse(settings.database_url)
        self._http, self._url = http, settings.url
        self._apps: dict[tuple[type[RoleClient], str], RoleClient] = {}
        self.orders: list[str] = []
        self._riders: set[str] = set()
        self._watchers: list[Watcher] = []

    def graph(self) -> GraphClient:
        """A new device."""
        return GraphClient(self._http, f"{self._url}/graphql")

    async def app(self, kind: type[App], email: str, password: str = PASSWORD) -> App:
        """The app of a person, who is signed in."""
        known = self._apps.get((kind, email))
        if isinstance(known, kind):
            return known
        app = kind(self.graph())
        await app.sign_in(email, password)
        self._apps[kind, email] = app
        return app

    async def free_rider(self) -> RiderClient:
        """A rider without a delivery, whom this chapter does not have yet."""
        for email in RIDERS:
            if email in self._riders:
                continue
            rider = await self.app(RiderClient, email)
            self._riders.add(email)
            desk = await rider.desk()
            if desk["currentDelivery"] is None:
                if desk["rider"]["status"] == "ONLINE":
                    await rider.go_offline()
                return rider
        raise UnexpectedResult("every rider of the demo is still on the road")

    def watch(self, customer: CustomerClient, order_id: str) -> Watcher:
        """Follow an order until the end of the chapter."""
        watcher = Watcher(customer, order_id)
        self._watchers.append(watcher)
        return watcher

    async def end_chapter(self) -> None:
        """Undo all faults, cancel orders that a failed chapter has left, stop following them."""
        await self.provider.set_faults()
        agent = await self.app(AgentClient, AGENT)
        for order_id in self.orders:
            with suppress(RequestFailed):  # the chapter has ended it, or its bags have left
                await agent.cancel(order_id, "OTHER")
        self.orders.clear()
        self._riders.clear()
        await asyncio.gather(*(watcher.aclose() for watcher in self._watchers))
        self._watchers.clear()

    async def close(self) -> None:
        """Put all apps away."""
        for app in self._apps.values():
            await app.graph.close()
