"""Operations of purchasing: suppliers, purchase orders, product_indexes receipts, proposals."""

import secrets
from datetime import timedelta
from typing import Any

from database.audit import AuditContext
from database.scope import PLATFORM
from models.catalog import Product
from models.companies import Company
from models.stock import StockMovement, StockMovementReason
from models.stores import Store
from services.core.clock import current_time
from services.core.problems import parse_id
from tests.support.operations.player import OperationPlayer

PACK_UNITS = 6
DAYS = 30
PRODUCTS_BY_ACTOR = {"manager": (0, 1), "owner": (2, 3)}


async def supply_store(play: OperationPlayer) -> None:
    """Create suppliers; draft orders manually and from proposals; receive, close and cancel."""
    await record_daily_sales(play)
    for who, product_indexes in PRODUCTS_BY_ACTOR.items():
        store_and_supplier = {
            "storeId": play.store,
            "supplierId": await create_supplier(play, who, product_indexes),
        }
        order = await create_draft(play, who, store_and_supplier, product_indexes)
        await receive_in_part(play, who, order, product_indexes)
        canceled = await create_draft(play, who, store_and_supplier, product_indexes)
        await play(who, "purchase_order_cancel", purchaseOrderId=canceled["id"])
        if who == "owner":
            await play("manager", "replenishment_refresh", storeId=play.store)
            await order_proposals(play)


async def order_proposals(play: OperationPlayer) -> None:
    """Order the proposals of each supplier, and archive it."""
    for who in PRODUCTS_BY_ACTOR:
        proposed = (await play(who, "replenishment_proposals", storeId=play.store))["nodes"]
        supplier = proposed[0]["supplier"]["id"]
        store_and_supplier = {"storeId": play.store, "supplierId": supplier}
        created = await play(who, "purchase_order_create_from_proposals", **store_and_supplier)
        assert created["purchaseOrder"]["status"] == "DRAFT"
        version = (await play(who, "supplier_detail", id=supplier))["version"]
        await play(who, "supplier_archive", supplierId=supplier, expectedVersion=version)
        await play(who, "supplier_restore", supplierId=supplier, expectedVersion=version + 1)
        await play(who, "supplier_update", supplierId=supplier, expectedVersion=version + 2)


async def create_supplier(play: OperationPlayer, who: str, product_indexes: tuple[int, ...]) -> str:
    """Create a supplier that sells these products; returns its id."""
    code = secrets.token_hex(4).upper()
    saved = await play(who, "supplier_create", companyId=play.company, code=code)
    supplier: str = saved["supplier"]["id"]
    terms = [_terms(play.product(n)) for n in product_indexes]
    await play(who, "supplier_products_set", supplierId=supplier, products=terms)
    assortment = await play(who, "supplier_assortment", supplierId=supplier)
    assert len(assortment["nodes"]) == len(terms)
    page = await play(who, "supplier_list", companyId=play.company, search=code)
    assert [one["id"] for one in page["nodes"]] == [supplier]
    assert (await play(who, "supplier_detail", id=supplier))["version"] == 2
    return supplier


def _terms(product: str) -> dict[str, Any]:
    more = {"packCostMinor": 540, "unitsPerPack": PACK_UNITS, "preferred": True}
    return {"productId": product, **more}


async def create_draft(
    play: OperationPlayer,
    who: str,
    store_and_supplier: dict[str, str],
    product_indexes: tuple[int, ...],
) -> Any:
    """Create a draft with one line, then set two lines."""
    lines = [{"productId": play.product(n), "packQuantity": 4} for n in product_indexes]
    created = await play(who, "purchase_order_create", **store_and_supplier, lines=lines[:1])
    target = {"purchaseOrderId": created["purchaseOrder"]["id"]}
    return (await play(who, "purchase_order_lines_set", **target, lines=lines))["purchaseOrder"]


async def receive_in_part(
    play: OperationPlayer, who: str, order: Any, product_indexes: tuple[int, ...]
) -> None:
    """Approve a draft, receive a part of it, and close it."""
    receiver = "picker" if who == "manager" else who
    target = {"purchaseOrderId": order["id"]}
    await play("owner", "purchase_order_approve", **target, expectedVersion=order["version"])
    listed = await play(receiver, "purchase_order_list", storeId=play.store)
    [approved] = [one for one in listed["nodes"] if one["id"] == order["id"]]
    receipt_lines = [
        {"product": {"productId": play.product(n)}, "quantity": 20, "damaged": 1}
        for n in product_indexes
    ]
    receipt_lines[0] |= {"batchCode": order["code"], "sellByDate": "2099-12-31"}
    more = {"expectedVersion": approved["version"], "lines": receipt_lines}
    await play(receiver, "purchase_order_receive", **target, **more)
    detail = await play(receiver, "purchase_order_detail", id=order["id"])
    assert [line["outstandingUnits"] for line in detail["lines"]] == [3, 3]
    await play(who, "purchase_order_close", **target)


async def record_daily_sales(play: OperationPlayer, units: int = 40) -> None:
    """Record sales and equal receipts of `units` a day for a month, for each product."""
    keys = {"company_id": parse_id(Company, play.company), "store_id": parse_id(Store, play.store)}
    async with play.container.database.write(PLATFORM, AuditContext("test:supply")) as session:
        now = await current_time(session)
        session.add_all(
            StockMovement(
                **keys, product_id=parse_id(Product, play.product(n)), reason=reason,
                on_hand_delta=delta,
                occurred_at=now - timedelta(days=day),
            )
            for n in range(4)
            for day in range(1, DAYS)
            for reason, delta in ((StockMovementReason.SALE, -units),
            (StockMovementReason.RECEIPT, units))
        )  # fmt: skip
