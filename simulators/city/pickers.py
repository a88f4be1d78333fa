"""The simulated pickers of a store, who process a few orders at a time."""

import asyncio
import random
from typing import Any

from simulators.city.state import PASSWORD, CityState, company_of
from simulators.client import RequestFailed
from simulators.parts.device import MutationRejected
from simulators.parts.picker import PickerClient

HANDS = 12
THINK_SECONDS = (0.2, 1.0)
LINE_SECONDS = (0.1, 0.5)
SHORT_SHARE = 0.01
# Pieces are lighter and heavier than their estimate, and seldom by more than what is held for it.
SCALE_SHARE = 0.85, 1.12
SEAT = """query Seat {
  viewer { staff { stores { id location { latitude longitude } } } }
}"""


class StorePickers(PickerClient):
    """The pickers of one store, who share a client."""

    def __init__(self, city: CityState, email: str) -> None:
        super().__init__(city.graph())
        self._city = city
        self._email = email
        self._luck = city.luck("desk", email)
        self._hands = asyncio.Semaphore(HANDS)
        self._taken: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Sign in and query the store."""
        await self.sign_in(self._email, PASSWORD)
        seat = await self.graph.run(SEAT)
        store = seat["viewer"]["staff"]["stores"][0]
        self.store_id = store["id"]
        place = store["location"]["latitude"], store["location"]["longitude"]
        self._city.stores[company_of(self._email)].append(place)

    async def work(self) -> None:
        """Process the queue until the run is over; a broken stream resumes at its cursor."""
        after: str | None = None
        for task in await self.queue():
            self._take(task["id"], task["status"])
        while not self._city.over.is_set():
            try:
                async for message in self.watch(after):
                    after = message["cursor"]
                    if task := message["fulfillment"]:
                        self._take(task["id"], task["status"])
            except RequestFailed as error:
                await self._city.again("WatchQueue", error)

    def _take(self, fulfillment_id: str, status: str) -> None:
        if status == "QUEUED" and fulfillment_id not in self._taken:
            self._taken.add(fulfillment_id)
            task = asyncio.create_task(self._handle(fulfillment_id))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _handle(self, fulfillment_id: str) -> None:
        async with self._hands:
            try:
                await self._pick_and_pack(fulfillment_id)
            except MutationRejected as error:
                self._city.refused(error)
            except RequestFailed:
                self._city.counts["pickings given up"] += 1

    async def _pick_and_pack(self, fulfillment_id: str) -> None:
        luck = self._luck
        await asyncio.sleep(luck.uniform(*THINK_SECONDS))
        task = await self.accept(fulfillment_id)
        found = 0
        for line in task["lines"]:
            await asyncio.sleep(luck.uniform(*LINE_SECONDS))
            count = _found(line, luck)
            found += count
            await self.pick(fulfillment_id, line, count, luck.uniform(*SCALE_SHARE))
        packed = await self.pack(fulfillment_id)
        self._city.counts["packed"] += 1
        if found:
            await self.stage(fulfillment_id)
            self._city.announce_code(f"handover {packed['orderCode']}", packed["handoverCode"])


def _found(line: dict[str, Any], luck: random.Random) -> int:
    return 0 if luck.random() < SHORT_SHARE else int(line["quantity"])
