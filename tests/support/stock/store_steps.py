"""Steps of the staff of two stores in random stories of orders and their units."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import select, text

from database.scope import PLATFORM
from database.sessions import Database
from models.carts import SubstitutionPreference
from models.fulfillment import (
    Fulfillment,
    FulfillmentRejectReason,
    FulfillmentStatus,
    PutBackWasteReason,
    Substitution,
)
from models.identity import Actor
from models.orders import Order
from services.core.problems import DomainError, not_found
from services.fulfillment import (
    fulfillments,
    give_back,
    handover,
    missing_products,
    picking,
    put_back,
    substitutions,
)
from services.fulfillment.fulfillment_states import QUEUE_STATUSES
from services.fulfillment.picking import LinePick
from services.fulfillment.put_back import PutBackCount
from services.fulfillment.substitutions import SubstituteProposal
from services.stock import recalls
from tests.support.city import City
from tests.support.customers import ORIGIN, product_id
from tests.support.paid_orders import OrderDependencies, lines_of, write_as
from tests.support.riders import delivery_of
from tests.support.store_staff import put_back_lines_of, run_step

HANDED_OVER = text(
    "update fulfillment set status = 'HANDED_OVER', next_step_due_at = null where id = :key"
)
RETURNING = text("update delivery set status = 'RETURNING' where id = :key")


@dataclass
class StoreSteps:
    """The orders of one company, and what the people of its stores do with them.

    The two numbers of a step decide its details: which task, which line, how many units.
    """

    dependencies: OrderDependencies
    city: City
    buyer: Actor
    staff: dict[UUID, Actor]
    admin: Actor

    @property
    def database(self) -> Database:
        return self.dependencies.database

    async def take(self, task: Fulfillment, step: Any, **more: Any) -> None:
        await run_step(self.database, self.staff[task.store_id], task, step, **more)

    async def orders(self) -> Sequence[Order]:
        async with self.database.read(PLATFORM) as session:
            of_company = Order.company_id == self.city.company.id
            return (await session.scalars(select(Order).where(of_company).order_by(Order.id))).all()

    async def order(self, number: int) -> Order:
        orders = await self.orders()
        if not orders:
            raise not_found(Order)
        return orders[number % len(orders)]

    async def task(self, number: int, *statuses: FulfillmentStatus) -> Fulfillment:
        """A task of a store that has not ended, or in one of these states."""
        async with self.database.read(PLATFORM) as session:
            open_tasks = select(Fulfillment).where(
                Fulfillment.company_id == self.city.company.id,
                Fulfillment.status.in_(statuses or QUEUE_STATUSES),
            )
            tasks = (await session.scalars(open_tasks.order_by(Fulfillment.id))).all()
        if not tasks:
            raise not_found(Fulfillment)
        return tasks[number % len(tasks)]

    async def open_put_backs(self) -> Sequence[Fulfillment]:
        async with self.database.read(PLATFORM) as session:
            rows = select(Fulfillment).where(
                Fulfillment.company_id == self.city.company.id, *put_back.IS_OPEN
            )
            return (await session.scalars(rows.order_by(Fulfillment.id))).all()

    async def accept(self, first: int, _second: int) -> None:
        await self.take(await self.task(first), fulfillments.accept)

    async def pick(self, first: int, second: int) -> None:
        """Some of the units of a line are found, or all, and some are damaged."""
        task = await self.task(first)
        lines = await lines_of(self.database, task)
        line = lines[second % len(lines)]
        found = min(line.quantity, (first + second) % 5)
        pick = LinePick(found, line.id, damaged=int(second % 4 == 3))
        await self.take(task, picking.pick_line, pick=pick)

    async def pick_all(self, first: int, second: int) -> None:
        """All lines of a task are decided: found, or short by one unit."""
        task = await self.task(first)
        for number, line in enumerate(await lines_of(self.database, task)):
            found = line.quantity - int((second + number) % 4 == 0)
            with suppress(DomainError):  # what lies in the bag for a line stays
                await self.take(task, picking.pick_line, pick=LinePick(found, line.id))

    async def pick_found(self, first: int, second: int) -> None:
        """All units of a task are found, and of one line a damaged one besides."""
        task = await self.task(first)
        for number, line in enumerate(await lines_of(self.database, task)):
            pick = LinePick(line.quantity, line.id, damaged=int(number == second))
            await self.take(task, picking.pick_line, pick=pick)

    async def propose(self, first: int, second: int) -> None:
        """A substitute for the first missing unit of an order that takes substitutes."""
        task = await self.task(first)
        lines = await lines_of(self.database, task)
        line = lines[second % len(lines)]
        ask = "update order_line set substitution_preference = :s where id = :l"
        async with self.database.write(PLATFORM, ORIGIN) as session:
            parameters = {"s": SubstitutionPreference.ASK_ME.value, "l": line.order_line_id}
            await session.execute(text(ask), parameters)
        proposal = SubstituteProposal(line.id, "P006", 1)
        await self.take(task, substitutions.propose, proposal=proposal)

    async def answer(self, first: int, second: int) -> None:
        task = await self.task(first)
        async with self.database.read(PLATFORM) as session:
            of_task = Substitution.fulfillment_id == task.id
            proposals = (await session.scalars(select(Substitution).where(of_task))).all()
        for proposal in proposals:
            customer = Actor(proposal.customer_id)
            async with write_as(self.database, customer, task.company_id) as session:
                await substitutions.answer(
                    session, actor=customer, substitute_id=proposal.id, accept=bool(second % 2)
                )

    async def pack(self, first: int, _second: int) -> None:
        await self.take(await self.task(first), picking.pack, bags=1)

    async def give_back(self, first: int, _second: int) -> None:
        await self.take(await self.task(first), give_back.give_back)

    async def reject(self, first: int, second: int) -> None:
        """The order moves to the next store, or is canceled."""
        reasons = (FulfillmentRejectReason.TOO_BUSY, FulfillmentRejectReason.OUT_OF_STOCK)
        await self.take(await self.task(first), missing_products.reject, reason=reasons[second % 2])

    async def bring_back(self, first: int, _second: int) -> None:
        """The rider had the packed bags and comes back with them."""
        task = await self.task(first, FulfillmentStatus.PACKED)
        order = Order(id=task.order_id)
        delivery = await delivery_of(self.database, order)
        async with self.database.write(PLATFORM, ORIGIN) as session:
            for statement, key in (
                (
                    (
                        "update fulfillment set status = 'HANDED_OVER', next_step_due_at = null"
                        " where id = :k"
                    ),
                    task.id,
                ),
                ("update delivery set status = 'RETURNING' where id = :k", delivery.id),
            ):
                await session.execute(text(statement), {"k": key})
        staff = self.staff[task.store_id]
        async with write_as(self.database, staff, task.company_id) as session:
            await handover.complete_return(session, actor=staff, delivery_id=delivery.id)

    async def put_back(self, first: int, second: int) -> None:
        """A person counts what is on the shelf again, what is waste, and what is missing."""
        if not (tasks := await self.open_put_backs()):
            return
        task = tasks[first % len(tasks)]
        counts = []
        for line in await put_back_lines_of(self.database, task):
            wasted = min(second % 3, line.quantity)
            missing = min(second % 2, line.quantity - wasted)
            reason = PutBackWasteReason.DAMAGED if wasted else None
            returned = line.quantity - wasted - missing
            counts.append(PutBackCount(line.id, returned, wasted, missing, reason))
        await self.take(task, put_back.confirm, counts=counts)

    async def recall(self, first: int, _second: int) -> None:
        async with self.database.write(PLATFORM, ORIGIN) as session:
            await recalls.recall(
                session, actor=self.admin, company_id=self.city.company.id,
                product_id=product_id(self.city, 0), batch_code=("soon", "late")[first % 2],
                reason="Glass",
            )  # fmt: skip
