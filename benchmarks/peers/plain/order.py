"""An order's types."""

from datetime import datetime
from typing import Any

import strawberry

from benchmarks.peers.operations import public
from benchmarks.peers.plain.batches import of
from benchmarks.peers.plain.catalog import Money, Store, store


@strawberry.type
class OrderLine:
    id: strawberry.ID
    name: str
    quantity: int
    unit_price: Money
    total: Money


def line(row: Any) -> OrderLine:
    currency = row["currency"]
    return OrderLine(
        id=strawberry.ID(public("oln", row["id"])), name=row["name"], quantity=row["quantity"],
        unit_price=Money(minor_units=row["unit_price_minor"], currency=currency),
        total=Money(minor_units=row["total_minor"], currency=currency),
    )  # fmt: skip


@strawberry.type
class Payment:
    id: strawberry.ID
    status: str
    captured_amount: Money


@strawberry.type
class Fulfillment:
    id: strawberry.ID
    status: str


@strawberry.type
class RiderLocation:
    latitude: float
    longitude: float
    recorded_at: datetime


@strawberry.type
class Delivery:
    id: strawberry.ID
    status: str
    rider_name: str
    rider_id: strawberry.Private[Any]

    @strawberry.field
    async def rider_location(self, info: strawberry.Info) -> RiderLocation | None:
        row = await of(info).position.load(self.rider_id)
        if row is None:
            return None
        return RiderLocation(
            latitude=row["latitude"], longitude=row["longitude"], recorded_at=row["recorded_at"]
        )


@strawberry.type
class OrderEvent:
    type: str
    occurred_at: datetime


@strawberry.type
class OrderEventConnection:
    nodes: list[OrderEvent]


@strawberry.type
class Order:
    id: strawberry.ID
    code: str
    status: str
    placed_at: datetime
    promise_p50_seconds: int
    total: Money
    row: strawberry.Private[Any]

    @strawberry.field
    async def store(self, info: strawberry.Info) -> Store | None:
        row = await of(info).store.load(self.row["store_id"])
        return store(row) if row else None

    @strawberry.field
    async def lines(self, info: strawberry.Info) -> list[OrderLine]:
        return [line(row) for row in await of(info).lines.load(self.row["id"])]

    @strawberry.field
    async def payment(self, info: strawberry.Info) -> Payment | None:
        row = await of(info).payment.load(self.row["id"])
        if row is None:
            return None
        captured = Money(minor_units=row["captured_amount_minor"], currency=row["currency"])
        return Payment(
            id=strawberry.ID(public("pay", row["id"])),
            status=row["status"],
            captured_amount=captured,
        )

    @strawberry.field
    async def fulfillment(self, info: strawberry.Info) -> Fulfillment | None:
        row = await of(info).fulfillment.load(self.row["id"])
        if row is None:
            return None
        return Fulfillment(id=strawberry.ID(public("ful", row["id"])), status=row["status"])

    @strawberry.field
    async def delivery(self, info: strawberry.Info) -> Delivery | None:
        row = await of(info).delivery.load(self.row["id"])
        if row is None:
            return None
        key = strawberry.ID(public("dlv", row["id"]))
        return Delivery(
            id=key, status=row["status"], rider_name=row["rider_name"], rider_id=row["rider_id"]
        )

    @strawberry.field
    async def timeline(self, info: strawberry.Info, first: int) -> OrderEventConnection:
        rows = await of(info).events.load(f"order:{self.row['id']}")
        return OrderEventConnection(
            nodes=[OrderEvent(type=row["type"], occurred_at=row["at"]) for row in rows[:first]]
        )


def order(row: Any) -> Order:
    return Order(
        id=strawberry.ID(public("ord", row["id"])), code=row["code"], status=row["status"],
        placed_at=row["placed_at"], promise_p50_seconds=row["promise_p50_seconds"],
        total=Money(minor_units=row["total_minor"], currency=row["currency"]), row=row,
    )  # fmt: skip
