"""How a store is supplied: from a supplier's terms to the boxes on the shelf."""

import secrets
from datetime import timedelta
from typing import Any

from database.scope import PLATFORM
from database.sessions import Origin
from models.catalog import Product
from models.companies import Company
from models.stock import StockEntry, StockReason
from models.stores import Store
from services.core.clock import moment
from services.core.problems import key_of
from tests.support.operations.player import Play

PACK_UNITS = 6
DAYS = 30
GOODS = {"manager": (0, 1), "owner": (2, 3)}


async def supplying(play: Play) -> None:
    """A supplier with terms; orders by hand and by proposal, taken in, closed and called off."""
    await sold_daily(play)
    for who, goods in GOODS.items():
        here = {"storeId": play.store, "supplierId": await contracted(play, who, goods)}
        order = await drafted(play, who, here, goods)
        await taken_in(play, who, order, goods)
        dropped = await drafted(play, who, here, goods)
        await play(who, "purchase_order_cancel", purchaseOrderId=dropped["id"])
        if who == "owner":
            await play("manager", "reorder_refresh", storeId=play.store)
            await ordered_as_proposed(play)


async def ordered_as_proposed(play: Play) -> None:
    """Each supplier is asked for what is proposed of it, and then given up."""
    for who in GOODS:
        proposed = (await play(who, "reorder_proposals", storeId=play.store))["nodes"]
        supplier = proposed[0]["supplier"]["id"]
        here = {"storeId": play.store, "supplierId": supplier}
        made = await play(who, "purchase_order_create_from_proposals", **here)
        assert made["purchaseOrder"]["status"] == "DRAFT"
        version = (await play(who, "supplier_detail", id=supplier))["version"]
        await play(who, "supplier_archive", supplierId=supplier, expectedVersion=version)


async def contracted(play: Play, who: str, goods: tuple[int, ...]) -> str:
    """A new supplier that sells what the store needs; its id."""
    code = secrets.token_hex(4).upper()
    saved = await play(who, "supplier_save", companyId=play.company, code=code)
    supplier: str = saved["supplier"]["id"]
    terms = [_terms(play.product(n)) for n in goods]
    await play(who, "supplier_products_set", supplierId=supplier, products=terms)
    sold = await play(who, "supplier_assortment", supplierId=supplier)
    assert len(sold["nodes"]) == len(terms)
    found = await play(who, "supplier_list", companyId=play.company, search=code)
    assert [one["id"] for one in found["nodes"]] == [supplier]
    assert (await play(who, "supplier_detail", id=supplier))["version"] == 2
    return supplier


def _terms(product: str) -> dict[str, Any]:
    more = {"packCostMinor": 540, "packUnits": PACK_UNITS, "preferred": True}
    return {"productId": product, **more}


async def drafted(play: Play, who: str, here: dict[str, str], goods: tuple[int, ...]) -> Any:
    """A draft of two lines, the second one an afterthought."""
    lines = [{"productId": play.product(n), "packs": 4} for n in goods]
    made = await play(who, "purchase_order_create", **here, lines=lines[:1])
    aim = {"purchaseOrderId": made["purchaseOrder"]["id"]}
    return (await play(who, "purchase_order_lines_set", **aim, lines=lines))["purchaseOrder"]


async def taken_in(play: Play, who: str, order: Any, goods: tuple[int, ...]) -> None:
    """Approve a draft, take a part of it in, and wait no longer for the rest."""
    hands = "picker" if who == "manager" else who
    aim = {"purchaseOrderId": order["id"]}
    await play("owner", "purchase_order_approve", **aim, expectedVersion=order["version"])
    listed = await play(hands, "purchase_order_list", storeId=play.store)
    [seen] = [one for one in listed["nodes"] if one["id"] == order["id"]]
    boxes = [{"productId": play.product(n), "quantity": 20, "damaged": 1} for n in goods]
    boxes[0] |= {"batchCode": order["code"], "expiresOn": "2099-12-31"}
    more = {"expectedVersion": seen["version"], "lines": boxes}
    await play(hands, "purchase_order_receive", **aim, **more)
    detail = await play(hands, "purchase_order_detail", id=order["id"])
    assert [line["openUnits"] for line in detail["lines"]] == [3, 3]
    await play(who, "purchase_order_close", **aim)


async def sold_daily(play: Play, units: int = 40) -> None:
    """As if every product had sold `units` a day for a month, and been filled up as often."""
    at = {"company_id": key_of(Company, play.company), "store_id": key_of(Store, play.store)}
    async with play.house.database.write(PLATFORM, Origin("test:supply")) as session:
        now = await moment(session)
        session.add_all(
            StockEntry(
                **at, product_id=key_of(Product, play.product(n)), reason=reason, delta=delta,
                at=now - timedelta(days=day),
            )
            for n in range(4)
            for day in range(1, DAYS)
            for reason, delta in ((StockReason.SALE, -units), (StockReason.RECEIPT, units))
        )  # fmt: skip
