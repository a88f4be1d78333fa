"""A simulated rider, who delivers orders along real taxi traces."""

import asyncio
from typing import Any

from simulators.city.state import PASSWORD, CityState, company_of
from simulators.city.traces import Place
from simulators.client import RequestFailed
from simulators.parts.device import MutationRejected
from simulators.parts.rider import RiderClient

SPEED_MPS = 40.0  # a city in a hurry: as fast as the store believes a rider to be
REPORT_SECONDS = 4.0
IDLE_REPORT_SECONDS = 20.0
THINK_SECONDS = (0.2, 1.5)
IGNORED_SHARE = 0.02
NEAR_DEGREES = 0.003


class CityRider(RiderClient):
    """One rider, who works until the run is over."""

    def __init__(self, city: CityState, email: str, number: int) -> None:
        super().__init__(city.graph())
        self._city = city
        self._email = email
        self._number = number
        self._at: Place = (0.0, 0.0)
        self._luck = city.luck("rider", email)
        self._riding = asyncio.Lock()

    async def open(self) -> None:
        """Sign in, go online and report the location."""
        await self.sign_in(self._email, PASSWORD)
        stores = sorted(self._city.stores[company_of(self._email)])
        near = stores[self._number % len(stores)]
        spread = (self._luck.uniform(-NEAR_DEGREES, NEAR_DEGREES) for _ in range(2))
        self._at = (near[0] + next(spread), near[1] + next(spread))
        if (await self.desk())["currentDelivery"] is not None:
            self._city.counts["riders still on an old ride"] += 1
            return
        await self.go_online()
        try:
            await self.report(*self._at)
        except MutationRejected as error:
            self._city.refused(error)

    async def work(self) -> None:
        """Accept offers until the run is over, and report the location meanwhile."""
        visible = asyncio.create_task(self._stay_visible())
        try:
            await self._serve()
        finally:
            visible.cancel()
            await asyncio.wait([visible])

    async def _serve(self) -> None:
        after: str | None = None
        while not self._city.over.is_set():
            try:
                async for message in self.offers(after):
                    after = message["cursor"]
                    if _open(message["deliveryOffer"]) and not self._riding.locked():
                        await self._answer(message["deliveryOffer"]["id"])
            except RequestFailed as error:
                await self._city.again("WatchOffers", error)

    async def _stay_visible(self) -> None:
        await asyncio.sleep(self._luck.uniform(0, IDLE_REPORT_SECONDS))
        while True:
            if not self._riding.locked():
                try:
                    await self.report(*self._at)
                except MutationRejected as error:
                    self._city.refused(error)
                except RequestFailed:
                    pass  # the tally has it; the next report is soon
            await asyncio.sleep(IDLE_REPORT_SECONDS)

    async def _answer(self, offer_id: str) -> None:
        if self._luck.random() < IGNORED_SHARE:
            self._city.counts["offers ignored"] += 1
            return
        async with self._riding:
            try:
                await asyncio.sleep(self._luck.uniform(*THINK_SECONDS))
                await self._bring(await self.accept(offer_id))
            except MutationRejected as error:
                self._city.refused(error)
            except RequestFailed:
                self._city.counts["rides given up"] += 1

    async def _bring(self, ride: dict[str, Any]) -> None:
        code = ride["orderCode"]
        await self._ride_to(_place(ride["store"]["location"]))
        await self.arrive_at_store(ride["id"])
        handover = await self._city.wait_for_code(f"handover {code}")
        if handover is None:
            self._city.counts["rides without bags"] += 1
            return
        await self.pick_up(ride["id"], handover)
        await self._ride_to(_place(ride["dropoffLocation"]))
        await self.arrive_at_customer(ride["id"])
        pin = await self._city.wait_for_code(f"pin {code}")
        if pin is not None:
            await self.complete(ride["id"], pin)
            self._city.counts["delivered"] += 1
        self._city.discard_codes(f"handover {code}", f"pin {code}")

    async def _ride_to(self, goal: Place) -> None:
        way = self._city.roads.way(self._luck, self._at, goal, SPEED_MPS * REPORT_SECONDS)
        for place in way:
            await asyncio.sleep(REPORT_SECONDS)
            self._at = place
            try:
                await self.report(*place)
            except MutationRejected as error:
                self._city.refused(error)


def _open(offer: dict[str, Any] | None) -> bool:
    return bool(offer) and offer is not None and offer["status"] == "OFFERED"


def _place(point: dict[str, float]) -> Place:
    return point["latitude"], point["longitude"]
