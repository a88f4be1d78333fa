"""The state that all simulated people share: routes, statistics and codes."""

import asyncio
import random
from collections import Counter, defaultdict
from contextlib import suppress
from dataclasses import dataclass, field

import aiohttp

from simulators.city.traces import Place, TripTraces
from simulators.client import GraphClient, RequestFailed, RequestStatistics
from simulators.parts.customer import CardProvider
from simulators.parts.device import MutationRejected

PASSWORD = "darkstore-demo-1"  # noqa: S105 - the seeded accounts of a development store
CODE_SECONDS = 120.0
AGAIN_SECONDS = 0.5


@dataclass
class CityState:
    """The shared state of one run."""

    http: aiohttp.ClientSession
    url: str
    provider: CardProvider
    seed: int
    tally: RequestStatistics = field(default_factory=RequestStatistics)
    counts: Counter[str] = field(default_factory=Counter)
    roads: TripTraces = field(default_factory=TripTraces)
    stores: dict[str, list[Place]] = field(default_factory=lambda: defaultdict(list))
    over: asyncio.Event = field(default_factory=asyncio.Event)
    _codes: dict[str, "asyncio.Future[str]"] = field(default_factory=dict)

    def graph(self) -> GraphClient:
        """Create a GraphQL client."""
        return GraphClient(self.http, f"{self.url}/graphql", self.tally)

    def luck(self, *who: object) -> random.Random:
        """Return the random generator of one person, the same in each run with this seed."""
        return random.Random(f"{self.seed}/{'/'.join(map(str, who))}")

    def announce_code(self, about: str, code: str) -> None:
        """Pass a code in person: from the picker or the customer to the rider."""
        future = self._code(about)
        if not future.done():
            future.set_result(code)

    async def wait_for_code(self, about: str) -> str | None:
        """Wait for a code; None after two minutes."""
        try:
            async with asyncio.timeout(CODE_SECONDS):
                return await asyncio.shield(self._code(about))
        except TimeoutError:
            return None

    def discard_codes(self, *topics: str) -> None:
        """Remove codes that were used."""
        for about in topics:
            self._codes.pop(about, None)

    def refused(self, error: MutationRejected) -> None:
        """Count problems of a mutation, which are not errors."""
        for kind in error.codes:
            self.counts[f"refused {kind}"] += 1

    async def pause(self, seconds: float) -> None:
        """Sleep for some seconds or until the run is over."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.over.wait()

    async def again(self, what: str, error: RequestFailed) -> None:
        """Count a broken stream and wait before the next attempt."""
        if not self.over.is_set():
            self.tally.fail(what, str(error))
            await asyncio.sleep(AGAIN_SECONDS)

    def _code(self, about: str) -> "asyncio.Future[str]":
        return self._codes.setdefault(about, asyncio.get_running_loop().create_future())


def company_of(email: str) -> str:
    """Return the company in the e-mail address of an employee."""
    return email.partition("@")[2].partition(".")[0]
