"""A supplier of a city's first company, and orders of its nearest store to it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from database.scope import PLATFORM
from database.sessions import Database
from models.identity import Actor, Grant, Role
from models.purchasing import PurchaseOrder, PurchaseOrderLine, Supplier
from models.stock import Stock
from services.core.problems import Refused
from services.purchasing import goods_receipts, purchase_orders, supplier_products, suppliers
from services.purchasing.goods_receipts import Arrived
from services.purchasing.purchase_order_lines import Wanted
from services.purchasing.purchase_order_states import UNDER_WAY
from services.purchasing.supplier_products import Terms
from services.purchasing.suppliers import SupplierFacts
from tests.support.city import City
from tests.support.customers import people
from tests.support.paid_orders import working

PACK_UNITS = 6
PACK_COST_MINOR = 540


@dataclass
class Supply:
    """The people of the nearest store and its company, and their supplier of products 0 to 3."""

    database: Database
    city: City
    owner: Actor
    manager: Actor
    picker: Actor
    supplier: Supplier

    def product(self, nth: int) -> UUID:
        return self.city.products[nth].id

    async def run(self, verb: Any, actor: Actor, **given: Any) -> Any:
        """A verb as a unit of work of one person in the company."""
        async with working(self.database, actor, self.city.company.id) as session:
            return await verb(session, actor=actor, **given)

    async def draft(self, *packs: int, actor: Actor | None = None) -> PurchaseOrder:
        """A draft of so many packs of the first products."""
        lines = [Wanted(self.product(n), count) for n, count in enumerate(packs)]
        row: PurchaseOrder = await self.run(
            purchase_orders.create, actor or self.manager, store_id=self.city.near.id,
            supplier_id=self.supplier.id, lines=lines,
        )  # fmt: skip
        return row

    async def approve(self, row: PurchaseOrder, actor: Actor | None = None) -> PurchaseOrder:
        seen: PurchaseOrder = await self.run(
            purchase_orders.approve, actor or self.owner, purchase_order_id=row.id,
            expected_version=row.version,
        )  # fmt: skip
        return seen

    async def ordered(self, *packs: int) -> PurchaseOrder:
        return await self.approve(await self.draft(*packs))

    async def receive(
        self,
        row: PurchaseOrder,
        lines: Sequence[Arrived],
        actor: Actor | None = None,
        **more: Any,
    ) -> Any:
        given = {"purchase_order_id": row.id, "expected_version": row.version, **more}
        return await self.run(goods_receipts.receive, actor or self.picker, lines=lines, **given)

    async def fresh(self, row: PurchaseOrder) -> PurchaseOrder:
        async with self.database.read(PLATFORM) as session:
            return await session.get_one(PurchaseOrder, row.id)

    async def shelf(self, nth: int = 0) -> Stock:
        async with self.database.read(PLATFORM) as session:
            return await session.get_one(Stock, (self.city.near.id, self.product(nth)))

    async def unexplained(self) -> dict[UUID, tuple[int, int]]:
        """Products whose incoming is not what orders under way have open, with both figures."""
        async with self.database.read(PLATFORM) as session:
            lines = await session.scalars(
                select(PurchaseOrderLine)
                .join(PurchaseOrder, PurchaseOrder.id == PurchaseOrderLine.purchase_order_id)
                .where(PurchaseOrder.store_id == self.city.near.id)
                .where(PurchaseOrder.status.in_(UNDER_WAY))
            )
            still: dict[UUID, int] = {}
            for line in lines:
                still[line.product_id] = still.get(line.product_id, 0) + line.open_units
            rows = await session.scalars(select(Stock).where(Stock.store_id == self.city.near.id))
            both = {row.product_id: (row.incoming, still.get(row.product_id, 0)) for row in rows}
        return {key: pair for key, pair in both.items() if pair[0] != pair[1]}


async def supplied(database: Database, city: City, **facts: Any) -> Supply:
    """A city whose first company has a supplier."""
    company, store = city.company.id, city.near.id
    (owner,) = await people(database, 1, Grant(Role.COMPANY_ADMIN, company))
    (manager,) = await people(database, 1, Grant(Role.STORE_MANAGER, company, store))
    (picker,) = await people(database, 1, Grant(Role.STORE_STAFF, company, store))
    usual: dict[str, Any] = {"code": "LACTO", "name": "Lacto", "lead_days": 2}
    given = SupplierFacts(**(usual | facts))
    made = Supply(database, city, owner, manager, picker, Supplier())
    made.supplier = await made.run(suppliers.save, owner, company_id=company, facts=given)
    terms = [
        Terms(
            product_id=made.product(n), pack_cost_minor=PACK_COST_MINOR, pack_units=PACK_UNITS,
            preferred=True,
        )
        for n in range(4)
    ]  # fmt: skip
    made.supplier = await made.run(
        supplier_products.set_products, manager, supplier_id=made.supplier.id, terms=terms,
        removed=[], expected_version=1,
    )  # fmt: skip
    return made


async def refused(waiting: Any) -> list[Any]:
    with pytest.raises(Refused) as caught:
        await waiting
    return caught.value.reasons


def came(supply: Supply, nth: int, quantity: int, **more: Any) -> Arrived:
    return Arrived(product_id=supply.product(nth), quantity=quantity, **more)
