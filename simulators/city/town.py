"""What the people of the city share: the roads, the clock of the run, words said face to face."""

import asyncio
import random
from collections import Counter, defaultdict
from contextlib import suppress
from dataclasses import dataclass, field

import aiohttp

from simulators.city.traces import Place, Roads
from simulators.client import Failed, GraphClient, Tally
from simulators.parts.customer import CardProvider
from simulators.parts.device import Refused

PASSWORD = "darkstore-demo-1"  # noqa: S105 - the standing accounts of a development store
SAY_SECONDS = 120.0
AGAIN_SECONDS = 0.5


@dataclass
class Town:
    """One run of the city."""

    http: aiohttp.ClientSession
    url: str
    provider: CardProvider
    seed: int
    tally: Tally = field(default_factory=Tally)
    counts: Counter[str] = field(default_factory=Counter)
    roads: Roads = field(default_factory=Roads)
    stores: dict[str, list[Place]] = field(default_factory=lambda: defaultdict(list))
    over: asyncio.Event = field(default_factory=asyncio.Event)
    _said: dict[str, "asyncio.Future[str]"] = field(default_factory=dict)

    def graph(self) -> GraphClient:
        """A device that speaks to the store."""
        return GraphClient(self.http, f"{self.url}/graphql", self.tally)

    def luck(self, *who: object) -> random.Random:
        """The luck of one person, the same in every run with this seed."""
        return random.Random(f"{self.seed}/{'/'.join(map(str, who))}")

    def say(self, about: str, words: str) -> None:
        """Tell a code to whoever stands there: a picker to a rider, a customer at the door."""
        heard = self._heard(about)
        if not heard.done():
            heard.set_result(words)

    async def hear(self, about: str) -> str | None:
        """What was said about this; None when nobody says it for two minutes."""
        try:
            async with asyncio.timeout(SAY_SECONDS):
                return await asyncio.shield(self._heard(about))
        except TimeoutError:
            return None

    def forget(self, *topics: str) -> None:
        for about in topics:
            self._said.pop(about, None)

    def refused(self, error: Refused) -> None:
        """Count a typed refusal: the store's right, not an error."""
        for kind in error.kinds:
            self.counts[f"refused {kind}"] += 1

    async def pause(self, seconds: float) -> None:
        """Wait, or until the run is over."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.over.wait()

    async def again(self, what: str, error: Failed) -> None:
        """A stream broke: count it and come back in a moment."""
        if not self.over.is_set():
            self.tally.fail(what, str(error))
            await asyncio.sleep(AGAIN_SECONDS)

    def _heard(self, about: str) -> "asyncio.Future[str]":
        return self._said.setdefault(about, asyncio.get_running_loop().create_future())


def company_of(email: str) -> str:
    """The company in the address of one of its people."""
    return email.partition("@")[2].partition(".")[0]
