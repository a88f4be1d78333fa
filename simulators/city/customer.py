"""A simulated customer: browses, orders, pays and receives the order."""

import random
import uuid
from typing import Any

from simulators.city.state import PASSWORD, CityState
from simulators.client import RequestFailed
from simulators.parts.customer import CustomerClient
from simulators.parts.device import MutationRejected

WORDS = (
    *("milk", "bread", "rice", "tea", "noodle", "soap", "chocolate", "juice", "oil", "coffee"),
    *("apple", "broccoli"),
)
LINES = (2, 5)
QUANTITY = (1, 2)
LOOKS_AT_CATEGORY_SHARE, SEARCHES_SHARE = 0.5, 0.5
CARD, DECLINED_CARD = "pm_card_visa", "pm_card_chargeDeclined"
DECLINED_SHARE = 0.03
HOME = "query Home { viewer { customer { addresses { location { latitude longitude } } } } }"
ENDS = {"ORDER_COMPLETED": "completed", "ORDER_CANCELED": "canceled", "ORDER_EXPIRED": "expired"}


class CityCustomer(CustomerClient):
    """One customer, who may have several orders at a time."""

    def __init__(self, city: CityState, email: str) -> None:
        super().__init__(city.graph())
        self._city = city
        self._email = email

    async def open(self) -> None:
        """Sign in and query the location."""
        await self.sign_in(self._email, PASSWORD)
        home = await self.graph.run(HOME)
        self.at = home["viewer"]["customer"]["addresses"][0]["location"]

    async def order_once(self, number: int) -> None:
        """Play one order from the storefront to its end."""
        luck = self._city.luck("order", number)
        try:
            placed = await self._shop(luck)
            if placed is not None:
                await self._pay(placed["payment"], luck)
                await self._wait(placed["order"])
        except MutationRejected as error:
            self._city.refused(error)
        except RequestFailed:
            self._city.counts["orders given up"] += 1

    async def _shop(self, luck: random.Random) -> Any:
        front = await self.storefront(first=40)
        if not front["serviceable"]:
            self._city.counts["not serviceable"] += 1
            return None
        goods = front["products"]["nodes"]
        if luck.random() < LOOKS_AT_CATEGORY_SHARE:
            goods = await self.category(luck.choice(front["categories"])["id"]) or goods
        if luck.random() < SEARCHES_SHARE:
            goods = [*goods, *await self.search(luck.choice(WORDS))]
        wanted = {p["id"]: luck.randint(*QUANTITY) for p in _chosen(goods, luck)}
        cart = await self.fill(wanted)
        if not cart["readyForCheckout"]:
            self._city.counts["carts below the minimum"] += 1
            return None
        placed = await self.place(uuid.uuid4().hex)  # never seeded: a key of another run replays
        self._city.counts["placed"] += 1
        return placed

    async def _pay(self, payment: dict[str, Any], luck: random.Random) -> None:
        if luck.random() < DECLINED_SHARE:
            await self.pay(payment, self._city.provider, DECLINED_CARD)
            self._city.counts["cards declined"] += 1
        await self.pay(payment, self._city.provider, CARD)
        self._city.counts["paid"] += 1

    async def _wait(self, order: dict[str, Any]) -> None:
        self._city.announce_code(f"pin {order['code']}", order["deliveryPin"])
        after: str | None = None
        while True:
            try:
                async for message in self.track(order["id"], after):
                    after = message["cursor"]
                    kind = message["event"] and message["event"]["type"]
                    if kind in ENDS:
                        self._city.counts[ENDS[kind]] += 1
                        return
            except RequestFailed as error:
                await self._city.again("TrackOrder", error)


def _chosen(goods: list[Any], luck: random.Random) -> list[Any]:
    there = [product for product in goods if product["availability"] == "IN_STOCK"]
    return luck.sample(there, min(len(there), luck.randint(*LINES)))
