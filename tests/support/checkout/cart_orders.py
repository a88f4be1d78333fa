"""Carts of customers, orders of them, and writes that fail."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select, text

from database.scope import PLATFORM
from database.sessions import Database
from models.identity import Actor
from models.orders import Order
from models.stock import Hold, HoldStatus, StockMovement, StockMovementReason
from services.carts import carts
from services.carts.baskets import OrderRequest
from services.carts.carts import CartChange, CartLineChange
from services.checkout import new_orders
from services.core import idempotency
from services.core.idempotency import IdempotentRequest
from tests.support.city import City
from tests.support.customers import ORIGIN, order_request, product_id


async def set_cart(database: Database, city: City, actor: Actor, units: Mapping[int, int]) -> None:
    """Set the lines of a cart, by the index of the product; 0 removes a line."""
    assert actor.person_id is not None
    lines = [CartLineChange(product_id(city, index), count) for index, count in units.items()]
    listed = {line.product_id: None for line in lines}
    async with database.write(PLATFORM, ORIGIN) as session:
        await carts.set_lines(
            session,
            person_id=actor.person_id,
            company_id=city.company.id,
            change=CartChange(lines, listed),
        )


def cart_request(city: City) -> OrderRequest:
    """An order of the whole cart."""
    return replace(order_request(city), lines=None)


def keyed(actor: Actor, key: str, request: OrderRequest) -> IdempotentRequest:
    return idempotency.build_request(str(actor.person_id), key, "orderPlace", request)


@contextmanager
def failing_writes(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The units are reserved, then the write of the order fails as with a lost connection."""

    async def fail(*_args: Any) -> Order:
        raise ConnectionError("the database went away")

    with monkeypatch.context() as patch:
        patch.setattr(new_orders, "build_order", fail)
        yield


async def held_units(database: Database, order_id: UUID) -> dict[UUID, int]:
    """The units that an order holds, by product."""
    async with database.read(PLATFORM) as session:
        rows = await session.execute(
            select(Hold.product_id, Hold.quantity).where(
                Hold.order_id == order_id, Hold.status == HoldStatus.HELD
            )
        )
        return dict(rows.all())


async def ledger_units(
    database: Database, order_id: UUID, reason: StockMovementReason = StockMovementReason.SALE
) -> dict[UUID, int]:
    """What the ledger says of an order, by product: sold units are below 0."""
    async with database.read(PLATFORM) as session:
        rows = await session.execute(
            select(StockMovement.product_id, func.sum(StockMovement.on_hand_delta))
            .where(StockMovement.reference == str(order_id), StockMovement.reason == reason)
            .group_by(StockMovement.product_id)
        )
        return {product: int(units) for product, units in rows}


async def all_counters(database: Database, city: City) -> dict[tuple[UUID, UUID], tuple[int, int]]:
    """On hand and held units of every product in every store of the first company."""
    async with database.read(PLATFORM) as session:
        rows = await session.execute(
            text("select store_id, product_id, on_hand, reserved from stock where company_id = :c"),
            {"c": city.company.id},
        )
        return {(store, product): (on_hand, held) for store, product, on_hand, held in rows}


async def orders_of(database: Database, actor: Actor) -> list[Order]:
    async with database.read(PLATFORM) as session:
        rows = await session.scalars(select(Order).where(Order.customer_id == actor.person_id))
        return list(rows)
