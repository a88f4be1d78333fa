"""A rider of the city: online, roaming, riding real taxi traces from store to door."""

import asyncio
from typing import Any

from simulators.city.town import PASSWORD, Town, company_of
from simulators.city.traces import Place
from simulators.client import Failed
from simulators.parts.device import Refused
from simulators.parts.rider import Rider

SPEED_MPS = 40.0  # a city in a hurry: as fast as the store believes a rider to be
REPORT_SECONDS = 4.0
IDLE_REPORT_SECONDS = 20.0
THINK_SECONDS = (0.2, 1.5)
IGNORED_SHARE = 0.02
NEAR_DEGREES = 0.003


class Courier(Rider):
    """One rider who works until the run is over."""

    def __init__(self, town: Town, email: str, number: int) -> None:
        super().__init__(town.graph())
        self._town = town
        self._email = email
        self._number = number
        self._at: Place = (0.0, 0.0)
        self._luck = town.luck("rider", email)
        self._riding = asyncio.Lock()

    async def open(self) -> None:
        """Sign in, go online, say where one is."""
        await self.sign_in(self._email, PASSWORD)
        stores = sorted(self._town.stores[company_of(self._email)])
        near = stores[self._number % len(stores)]
        spread = (self._luck.uniform(-NEAR_DEGREES, NEAR_DEGREES) for _ in range(2))
        self._at = (near[0] + next(spread), near[1] + next(spread))
        if (await self.desk())["currentDelivery"] is not None:
            self._town.counts["riders still on an old ride"] += 1
            return
        await self.go_online()
        try:
            await self.report(*self._at)
        except Refused as error:
            self._town.refused(error)

    async def work(self) -> None:
        """Answer offers until the run is over, and stay visible meanwhile."""
        visible = asyncio.create_task(self._stay_visible())
        try:
            await self._serve()
        finally:
            visible.cancel()
            await asyncio.wait([visible])

    async def _serve(self) -> None:
        after: str | None = None
        while not self._town.over.is_set():
            try:
                async for message in self.offers(after):
                    after = message["cursor"]
                    if _open(message["offer"]) and not self._riding.locked():
                        await self._answer(message["offer"]["id"])
            except Failed as error:
                await self._town.again("WatchOffers", error)

    async def _stay_visible(self) -> None:
        await asyncio.sleep(self._luck.uniform(0, IDLE_REPORT_SECONDS))
        while True:
            if not self._riding.locked():
                try:
                    await self.report(*self._at)
                except Refused as error:
                    self._town.refused(error)
                except Failed:
                    pass  # the tally has it; the next report is soon
            await asyncio.sleep(IDLE_REPORT_SECONDS)

    async def _answer(self, offer_id: str) -> None:
        if self._luck.random() < IGNORED_SHARE:
            self._town.counts["offers ignored"] += 1
            return
        async with self._riding:
            try:
                await asyncio.sleep(self._luck.uniform(*THINK_SECONDS))
                await self._bring(await self.accept(offer_id))
            except Refused as error:
                self._town.refused(error)
            except Failed:
                self._town.counts["rides given up"] += 1

    async def _bring(self, ride: dict[str, Any]) -> None:
        code = ride["orderCode"]
        await self._ride_to(_place(ride["store"]["location"]))
        await self.arrive_at_store(ride["id"])
        handover = await self._town.hear(f"handover {code}")
        if handover is None:
            self._town.counts["rides without bags"] += 1
            return
        await self.pick_up(ride["id"], handover)
        await self._ride_to(_place(ride["dropPoint"]))
        await self.arrive_at_customer(ride["id"])
        pin = await self._town.hear(f"pin {code}")
        if pin is not None:
            await self.complete(ride["id"], pin)
            self._town.counts["delivered"] += 1
        self._town.forget(f"handover {code}", f"pin {code}")

    async def _ride_to(self, goal: Place) -> None:
        way = self._town.roads.way(self._luck, self._at, goal, SPEED_MPS * REPORT_SECONDS)
        for place in way:
            await asyncio.sleep(REPORT_SECONDS)
            self._at = place
            try:
                await self.report(*place)
            except Refused as error:
                self._town.refused(error)


def _open(offer: dict[str, Any] | None) -> bool:
    return bool(offer) and offer is not None and offer["status"] == "OFFERED"


def _place(point: dict[str, float]) -> Place:
    return point["latitude"], point["longitude"]
