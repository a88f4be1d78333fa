"""Races for the last hundred units through the whole checkout, with half of the payments failing.

Everybody wants one unit of the same product and tries until they have one or all are sold: a
failed payment gives its unit back, and somebody else must get it. A race is exact when all hundred
are sold, each to an order that is paid, and the books explain every counter.
"""

import asyncio
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from benchmarks.stock.place import empty_database
from database.scope import PLATFORM
from database.sessions import Database
from gateways.payments import IntentState
from models.identity import Actor
from models.orders import Order, OrderCancelReason, OrderStatus
from models.payments import Payment
from models.stock import Hold, HoldStatus, StockLevel, StockMovementReason
from seed.payment_reports import payment_report
from services.checkout import cancellation, payment_outcomes
from services.core.clock import current_time
from services.core.problems import DomainError
from services.payments import payments
from services.stock import stock_writer
from services.stock.audit.stock_audit import find_differences
from tests.support.city import City, build_city
from tests.support.customers import ORIGIN, create_people, order_request, product_id
from workflows.checkout import place_order
from workflows.stock.reservation_batcher import ReservationBatcher

UNITS = 100
CUSTOMERS = 300
AT_ONCE = 40
RETRY_SECONDS = 0.2
FAILING_SHARE = 0.5
LATE = timedelta(seconds=1)
GIVEN_BACK = (HoldStatus.RELEASED, HoldStatus.EXPIRED)


@dataclass(frozen=True, slots=True)
class Shop:
    """What placing an order needs, and the city it is placed in."""

    database: Database
    reservation_queue: ReservationBatcher
    city: City
    chance: random.Random


@dataclass(slots=True)
class Tally:
    """The orders of a race that were paid, and those whose payment failed."""

    sold: int = 0
    failed: int = 0


async def run(count: int) -> dict[str, Any]:
    """Run `count` races, each in a store of its own."""
    exact = 0
    began = time.perf_counter()
    async with empty_database() as (_, url):
        database = Database(url)
        reservation_queue = ReservationBatcher(database)
        reservation_queue.start()
        customers = await create_people(database, CUSTOMERS)
        for number in range(count):
            city = await build_city(database)
            shop = Shop(database, reservation_queue, city, random.Random(number))
            wrong = await race(shop, customers)
            exact += not wrong
            for one in wrong:
                print(f"race {number + 1}: {one}", flush=True)
        await reservation_queue.close()
        await database.close()
    took = round(time.perf_counter() - began, 1)
    print(f"\n{exact} of {count} races for the last {UNITS} units were exact, in {took} s")
    return {"races": count, "exact": exact, "units": UNITS, "customers": CUSTOMERS}


async def race(shop: Shop, customers: Sequence[Actor]) -> list[str]:
    """Let all customers buy; returns every difference at the end."""
    await _set_units(shop, UNITS)
    tally = Tally()
    room = asyncio.Semaphore(AT_ONCE)

    async def customer(who: Actor) -> None:
        async with room:
            await _buy(shop, who, tally)

    await asyncio.gather(*(customer(who) for who in customers))
    return await _differences(shop, tally)


async def _buy(shop: Shop, who: Actor, tally: Tally) -> None:
    """Try until an order is placed or all units are sold."""
    wanted = order_request(shop.city)
    while tally.sold < UNITS:
        try:
            placed = await place_order.place(shop, actor=who, origin=ORIGIN, order_request=wanted)
        except DomainError:
            await asyncio.sleep(RETRY_SECONDS)
            continue
        if shop.chance.random() < FAILING_SHARE:
            await _fail_payment(shop, who, placed.order.id, tally.failed)
            tally.failed += 1
        else:
            await _report_payment(shop.database, placed.order.id, IntentState.AUTHORIZED)
            tally.sold += 1
        return


async def _fail_payment(shop: Shop, who: Actor, order_id: UUID, number: int) -> None:
    """Fail the payment in one of four ways, in turn."""
    way = number % 4
    if way == 0:
        await _report_payment(shop.database, order_id, IntentState.VOIDED)
        return
    async with shop.database.write(PLATFORM, ORIGIN) as session:
        if way == 1:
            payment = await payments.lock_payment(session, order_id)
            await payment_outcomes.fail_payment(session, payment, "The card was declined.")
        elif way == 2:
            why = OrderCancelReason.CHANGED_MIND
            await cancellation.cancel_order(session, actor=who, order_id=order_id, reason=why)
        else:
            (await session.get_one(Order, order_id)).payment_due_at = (
                await current_time(session) - LATE
            )
            await session.flush()
            assert await payment_outcomes.expire_order(session, order_id)


async def _report_payment(database: Database, order_id: UUID, state: IntentState) -> None:
    """Apply a payment state as the provider reports it."""
    async with database.write(PLATFORM, ORIGIN) as session:
        paid = (await session.scalars(select(Payment).where(Payment.order_id == order_id))).one()
        await payment_outcomes.apply_payment_state(session, payment_report(paid, state))


async def _set_units(shop: Shop, units: int) -> None:
    """Set the units of the nearest store, and none in the others."""
    wanted = product_id(shop.city)
    async with shop.database.write(PLATFORM, ORIGIN) as session:
        for store in shop.city.first.stores:
            row = await session.get_one(StockLevel, (store.id, wanted))
            left = units if store is shop.city.near else 0
            cause = stock_writer.MovementCause(StockMovementReason.ADJUSTMENT, "", None)
            stock_writer.record_movement(session, row, cause, left - row.on_hand)


async def _differences(shop: Shop, tally: Tally) -> list[str]:
    wanted = product_id(shop.city)
    place = (Hold.store_id == shop.city.near.id) & (Hold.product_id == wanted)
    async with shop.database.read(PLATFORM) as session:
        row = await session.get_one(StockLevel, (shop.city.near.id, wanted))
        confirmed = await session.scalar(
            select(func.count()).where(
                Order.store_id == shop.city.near.id, Order.status == OrderStatus.CONFIRMED
            )
        )
        holds = dict(
            (
                await session.execute(
                    select(Hold.status, func.sum(Hold.quantity)).where(place).group_by(Hold.status)
                )
            ).all()
        )
        wrong = [str(one) for one in await find_differences(session, shop.city.near.id)]
    figures = {
        "paid": (tally.sold, UNITS),
        "on hand": (row.on_hand, 0),
        "held": (row.reserved, 0),
        "orders confirmed": (confirmed, UNITS),
        "units claimed": (holds.get(HoldStatus.CLAIMED), UNITS),
        "units given back": (sum(holds.get(one, 0) for one in GIVEN_BACK), tally.failed),
    }
    return wrong + [
        f"{name}: {found}, not {due}" for name, (found, due) in figures.items() if found != due
    ]
