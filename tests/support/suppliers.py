"""A supplier of a city's first company, and purchase orders of its nearest store."""

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
from models.stock import StockLevel
from services.core.problems import DomainError
from services.purchasing import goods_receipts, purchase_orders, supplier_products, suppliers
from services.purchasing.goods_receipts import GoodsReceiptItem
from services.purchasing.purchase_order_lines import PurchaseOrderItem
from services.purchasing.purchase_order_states import ORDERED_STATUSES
from services.purchasing.supplier_products import SupplierProductTerms
from services.purchasing.suppliers import SupplierDetails
from tests.support.city import City
from tests.support.customers import create_people
from tests.support.paid_orders import write_as

PACK_UNITS = 6
PACK_COST_MINOR = 540


@dataclass
class SupplierScenario:
    """Staff of the nearest store and its company, and their supplier of products 0 to 3."""

    database: Database
    city: City
    owner: Actor
    manager: Actor
    picker: Actor
    supplier: Supplier

    def product(self, index: int) -> UUID:
        return self.city.products[index].id

    async def run_as(self, function: Any, actor: Actor, **arguments: Any) -> Any:
        """Run a service function in a transaction of one person in the company."""
        async with write_as(self.database, actor, self.city.company.id) as session:
            return await function(session, actor=actor, **arguments)

    async def create_draft(self, *packs: int, actor: Actor | None = None) -> PurchaseOrder:
        """Draft an order with these numbers of packs of the first products."""
        lines = [PurchaseOrderItem(self.product(n), count) for n, count in enumerate(packs)]
        order: PurchaseOrder = await self.run_as(
            purchase_orders.create, actor or self.manager, store_id=self.city.near.id,
            supplier_id=self.supplier.id, lines=lines,
        )  # fmt: skip
        return order

    async def approve(self, row: PurchaseOrder, actor: Actor | None = None) -> PurchaseOrder:
        approved: PurchaseOrder = await self.run_as(
            purchase_orders.approve, actor or self.owner, purchase_order_id=row.id,
            expected_version=row.version,
        )  # fmt: skip
        return approved

    async def create_ordered(self, *packs: int) -> PurchaseOrder:
        return await self.approve(await self.create_draft(*packs))

    async def receive(
        self,
        row: PurchaseOrder,
        lines: Sequence[GoodsReceiptItem],
        actor: Actor | None = None,
        **more: Any,
    ) -> Any:
        arguments = {"purchase_order_id": row.id, "expected_version": row.version, **more}
        return await self.run_as(
            goods_receipts.receive, actor or self.picker, lines=lines, **arguments
        )

    async def reload(self, row: PurchaseOrder) -> PurchaseOrder:
        async with self.database.read(PLATFORM) as session:
            return await session.get_one(PurchaseOrder, row.id)

    async def stock_level(self, index: int = 0) -> StockLevel:
        async with self.database.read(PLATFORM) as session:
            return await session.get_one(StockLevel, (self.city.near.id, self.product(index)))

    async def incoming_mismatches(self) -> dict[UUID, tuple[int, int]]:
        """Products whose incoming units differ from the open units of orders, with both figures."""
        async with self.database.read(PLATFORM) as session:
            lines = await session.scalars(
                select(PurchaseOrderLine)
                .join(PurchaseOrder, PurchaseOrder.id == PurchaseOrderLine.purchase_order_id)
                .where(PurchaseOrder.store_id == self.city.near.id)
                .where(PurchaseOrder.status.in_(ORDERED_STATUSES))
            )
            outstanding_units: dict[UUID, int] = {}
            for line in lines:
                outstanding_units[line.product_id] = (
                    outstanding_units.get(line.product_id, 0) + line.outstanding_units
                )
            rows = await session.scalars(
                select(StockLevel).where(StockLevel.store_id == self.city.near.id)
            )
            pairs = {
                row.product_id: (row.incoming, outstanding_units.get(row.product_id, 0))
                for row in rows
            }
        return {key: pair for key, pair in pairs.items() if pair[0] != pair[1]}


async def create_supplier_scenario(
    database: Database, city: City, **details: Any
) -> SupplierScenario:
    """Create a supplier of the city's first company, and people who work with it."""
    company, store = city.company.id, city.near.id
    (owner,) = await create_people(database, 1, Grant(Role.COMPANY_ADMIN, company))
    (manager,) = await create_people(database, 1, Grant(Role.STORE_MANAGER, company, store))
    (picker,) = await create_people(database, 1, Grant(Role.STORE_STAFF, company, store))
    defaults: dict[str, Any] = {"code": "LACTO", "name": "Lacto", "lead_time_days": 2}
    supplier_details = SupplierDetails(**(defaults | details))
    scenario = SupplierScenario(database, city, owner, manager, picker, Supplier())
    scenario.supplier = await scenario.run_as(
        suppliers.create, owner, company_id=company, details=supplier_details
    )
    terms = [
        SupplierProductTerms(
            product_id=scenario.product(n), pack_cost_minor=PACK_COST_MINOR,
            units_per_pack=PACK_UNITS,
            preferred=True,
        )
        for n in range(4)
    ]  # fmt: skip
    scenario.supplier = await scenario.run_as(
        supplier_products.set_products, manager, supplier_id=scenario.supplier.id, terms=terms,
        removed=[], expected_version=1,
    )  # fmt: skip
    return scenario


async def expect_problems(call: Any) -> list[Any]:
    """The problems that a call is refused with."""
    with pytest.raises(DomainError) as caught:
        await call
    return caught.value.problems


def receipt_item(
    supply: SupplierScenario, index: int, quantity: int, **more: Any
) -> GoodsReceiptItem:
    return GoodsReceiptItem(product_id=supply.product(index), quantity=quantity, **more)
