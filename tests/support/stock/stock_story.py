"""Random stories of orders and their units: every step that moves, reserves or returns units."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from uuid import uuid4

import pytest
from sqlalchemy import select, text

from database.scope import PLATFORM
from gateways.payments import IntentState
from models.accounts import User
from models.identity import Grant, Role
from models.orders import OrderCancelReason, OrderLine
from models.payments import Payment
from models.stock import Hold
from seed.payment_reports import payment_report
from services.accounts import guest_merge
from services.carts.baskets import RequestedLine
from services.checkout import cancellation, order_changes, payment_outcomes
from services.checkout.change_pricing import ChangeRequest
from services.core.idempotency import KeyReused
from services.core.problems import DomainError
from services.orders import order_locks
from services.stock import reservations
from services.stock.audit import stock_audit
from services.stock.receiving import StockReceiptLine
from tests.support.checkout.cart_orders import cart_request, failing_writes, keyed, set_cart
from tests.support.city import build_city
from tests.support.customers import NO_LIMITS, ORIGIN, create_people, product_id
from tests.support.paid_orders import OrderDependencies, create_picker, write_as
from tests.support.stock.batches import day, receive
from tests.support.stock.count_steps import CountSteps
from workflows.checkout import place_order

Step = tuple[str, int, int]
"""The name of a step and two numbers that decide its details."""
STEPS = (
    "fill_cart", "place", "sign_in", "sweep", "pay", "expire", "cancel", "change", "accept",
    "pick", "propose", "answer", "pack", "give_back", "reject", "bring_back", "put_back", "recall",
    "pick_found", "raise_line", "count", "import_total",
)  # fmt: skip
DRAWN_STEPS = (*STEPS, "begin", "begin", "begin", "pick", "pick_all", "pick_all", "pack", "place")
"""What most stories need to get anywhere is drawn more often, and several steps at once."""
NOT_RETURNED = text(
    "select store_id, product_id, sum(on_hand_delta) from stock_entry where company_id = :c"
    " and reason in ('SALE', 'RESTOCK') group by 1, 2 having sum(on_hand_delta) <> 0"
)
# What a step may be refused with, and the failures that are part of the story.
REFUSALS = (DomainError, KeyReused, ConnectionError)


@dataclass
class StockStory(CountSteps):
    """A customer who signs in at some time, their orders, and the people of their stores."""

    key: str = field(default_factory=lambda: uuid4().hex)
    signed_in: bool = False

    async def run(self, steps: Sequence[Step]) -> None:
        """Take all steps, then end everything; the audit finds nothing at any time."""
        for step in steps:
            await self.step(*step)
        await self.end()

    async def step(self, name: str, first: int, second: int) -> bool:
        """Take one step and check; False when it was refused, or failed as it was meant to."""
        taken = False
        with suppress(*REFUSALS):
            await getattr(self, name)(first, second)
            taken = True
        await self.check(name)
        return taken

    async def check(self, after: str) -> None:
        async with self.database.read(PLATFORM) as session:
            for store in (self.city.near, self.city.next):
                differences = await stock_audit.find_differences(session, store.id)
                assert not differences, f"after {after}: {'; '.join(map(str, differences))}"

    async def fill_cart(self, first: int, second: int) -> None:
        await set_cart(self.database, self.city, self.buyer, {0: first % 4, 1: second % 3, 2: 1})

    async def place(self, first: int, second: int) -> None:
        """Order the cart by a key, three of which are used again and again; the write may fail."""
        request = replace(cart_request(self.city), age_confirmed=True)
        key = f"{self.key}{first if first > 11 else first % 3}"
        call = place_order.place(
            self.dependencies,
            actor=self.buyer,
            origin=ORIGIN,
            order_request=request,
            limits=NO_LIMITS,
            idempotent_request=keyed(self.buyer, key, request),
        )
        if second % 2:
            await call
            return
        with failing_writes(pytest.MonkeyPatch()):
            await call

    async def begin(self, first: int, second: int) -> None:
        """A new order, which is mostly paid and accepted, and repeated after a failed write."""
        await self.fill_cart(first + 1, second)
        key = 12 + len(await self.orders())
        if second % 3 == 0:
            with suppress(*REFUSALS):
                await self.place(key, 0)
            await self.fill_cart(second + 1, first)
        await self.place(key, 1)
        if second % 4:
            await self.pay(-1, 0)
        if second % 5 > 1:
            await self.accept(-1, 0)

    async def sign_in(self, _first: int, _second: int) -> None:
        """The guest signs in once; keys, cart and orders move to the account."""
        if self.signed_in:
            return
        (account,) = await create_people(self.database)
        async with self.database.write(PLATFORM, ORIGIN) as session:
            rows = [await session.get_one(User, who.person_id) for who in (self.buyer, account)]
            await guest_merge.merge_guest(session, *rows)
        self.buyer, self.signed_in = account, True

    async def sweep(self, _first: int, _second: int) -> None:
        """A minute passes: what an interrupted checkout has reserved is released."""
        older = "update hold set created_at = now() - interval '2 min' where company_id = :c"
        async with self.database.write(PLATFORM, ORIGIN) as session:
            await session.execute(text(older), {"c": self.city.company.id})
        async with self.database.write(PLATFORM, ORIGIN) as session:
            # Other tests leave reservations in this database, and some set counters by hand.
            own = Hold.company_id == self.city.company.id
            overdue = await session.scalars(reservations.ORDERS_OF_OVERDUE_HOLDS.where(own))
            await reservations.expire(session, list(overdue))

    async def pay(self, first: int, second: int) -> None:
        """The provider reports one of an order's attempts as authorized, also too late."""
        order = await self.order(first)
        async with self.database.read(PLATFORM) as session:
            attempts = select(Payment).where(Payment.order_id == order.id).order_by(Payment.id)
            rows = (await session.scalars(attempts)).all()
        intent = payment_report(rows[second % len(rows)], IntentState.AUTHORIZED)
        async with self.database.write(PLATFORM, ORIGIN) as session:
            await payment_outcomes.apply_payment_state(session, intent)

    async def expire(self, first: int, _second: int) -> None:
        order = await self.order(first)
        past = (
            "update \"order\" set payment_due_at = now() - interval '1 s'"
            " where id = :o and payment_due_at > now()"
        )
        async with self.database.write(PLATFORM, ORIGIN) as session:
            await session.execute(text(past), {"o": order.id})
        async with self.database.write(PLATFORM, ORIGIN) as session:
            await payment_outcomes.expire_order(session, order.id)

    async def cancel(self, first: int, _second: int) -> None:
        order = await self.order(first)
        async with self.database.write(PLATFORM, ORIGIN) as session:
            locked = await order_locks.lock(session, order.id)
            await cancellation.cancel_for_cause(session, locked, OrderCancelReason.OTHER)

    async def change(self, first: int, second: int) -> None:
        """Other quantities, and a product more or less; a higher total waits for its payment."""
        order = await self.order(first)
        wanted = {0: second % 3, 1: (second + first) % 4, 3: second % 2}
        lines = tuple(
            RequestedLine(product_id(self.city, index), units)
            for index, units in wanted.items()
            if units
        )
        async with write_as(self.database, self.buyer, order.company_id) as session:
            await order_changes.request_change(
                session,
                actor=self.buyer,
                order_id=order.id,
                request=ChangeRequest(lines=lines),
                limits=NO_LIMITS,
            )

    async def raise_line(self, first: int, second: int) -> None:
        """One unit more of one of an order's products, also of one that was found; it is paid."""
        order = await self.order(first)
        async with self.database.read(PLATFORM) as session:
            of_order = select(OrderLine).where(OrderLine.order_id == order.id)
            rows = (await session.scalars(of_order.order_by(OrderLine.position))).all()
        raised = second % len(rows)
        lines = tuple(
            RequestedLine(row.product_id, row.quantity + int(nth == raised))
            for nth, row in enumerate(rows)
        )
        async with write_as(self.database, self.buyer, order.company_id) as session:
            await order_changes.request_change(
                session,
                actor=self.buyer,
                order_id=order.id,
                request=ChangeRequest(lines=lines),
                limits=NO_LIMITS,
            )
        await self.pay(first, -1)

    async def end(self) -> None:
        """Every order ends, and all units are put back: as many as there were, less the lost."""
        await self.sweep(0, 0)
        for number in range(len(await self.orders())):
            for step in (self.expire, self.cancel):
                with suppress(*REFUSALS):
                    await step(number, 0)
        await self.decide_count()
        while await self.open_put_backs():
            await self.put_back(0, 0)
        await self.check("end")
        async with self.database.read(PLATFORM) as session:
            sold = await session.execute(NOT_RETURNED, {"c": self.city.company.id})
            assert sold.all() == []


async def new_story(dependencies: OrderDependencies) -> StockStory:
    """A story in a city of its own, with two batches of the first product."""
    database = dependencies.database
    city = await build_city(database, on_hand=9)
    product = product_id(city, 0)
    lines = [
        StockReceiptLine(product, 2, "soon", day(1)),
        StockReceiptLine(product, 2, "late", day(9)),
    ]
    await receive(database, city.near, *lines)
    (buyer,) = await create_people(database)
    (admin,) = await create_people(database, 1, Grant(Role.COMPANY_ADMIN, city.company.id))
    staff = {store.id: await create_picker(database, store) for store in city.first.stores}
    return StockStory(dependencies, city, buyer, staff, admin)
