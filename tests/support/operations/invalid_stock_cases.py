"""A store with one of everything that can be done wrong, and what must not change by that."""

import copy
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import text

from database.scope import PLATFORM
from database.sessions import Database, Origin
from jobs import alerts
from models.identity import Actor, Grant, Role
from models.ids import encode
from models.imports import StockUpload
from models.stock import Stock
from tests.support.city import City
from tests.support.customers import people
from tests.support.graph_queries import Asking, Told, id_of
from tests.support.operations.player import Operation

# All that belongs to a store's goods; what a refused write leaves here is half of it.
WRITTEN = """
select jsonb_build_object(
    'stock', (select jsonb_agg(to_jsonb(s) order by product_id) from stock s
        where store_id = any (:stores)),
    'ledger', (select count(*) from stock_entry where company_id = :company),
    'events', (select count(*) from event where company_id = :company),
    'batches', (select count(*) from stock_batch where company_id = :company),
    'suppliers', (select jsonb_agg(to_jsonb(s) order by id) from supplier s
        where company_id = :company),
    'terms', (select count(*) from supplier_product where company_id = :company),
    'orders', (select jsonb_agg(to_jsonb(p) order by id) from purchase_order p
        where company_id = :company),
    'transfers', (select jsonb_agg(to_jsonb(t) order by id) from transfer t
        where company_id = :company),
    'counts', (select jsonb_agg(to_jsonb(c) order by id) from stock_count c
        where company_id = :company),
    'recalls', (select count(*) from batch_recall where company_id = :company),
    'imports', (select count(*) from stock_import where company_id = :company),
    'sales', (select count(*) from counter_sale where company_id = :company),
    'prices', (select count(*) from price_change where company_id = :company),
    'alerts', (select jsonb_agg(to_jsonb(a) order by id) from stock_alert a
        where company_id = :company),
    'listings', (select jsonb_agg(to_jsonb(l) order by product_id) from listing l
        where store_id = any (:stores))
)::text
"""

ERRORS = """
mutation Try($input: %(kind)s!) {
  %(field)s(input: $input) { errors { __typename ... on Problem { path message } } }
}
"""


@dataclass
class Stockroom:
    """The store's people, and the keys of what they have at work: `given` by operation."""

    database: Database
    city: City
    owner: Actor
    manager: Actor
    given: dict[str, dict[str, Any]] = field(default_factory=dict)

    async def do(self, name: str, actor: Actor | None = None, /, **given: Any) -> Any:
        """The answer of an operation that goes well."""
        told = await self.told(name, {**self.given.get(name, {}), **given}, actor)
        assert not told.errors, (name, told.errors)
        [payload] = told.data.values()
        assert not payload["errors"], (name, payload["errors"])
        return payload

    async def told(self, name: str, given: dict[str, Any], actor: Actor | None = None) -> Told:
        """The answer of an operation, whatever it is."""
        ask = Asking(self.database)
        return await ask(Operation(name).document, {"input": given}, actor or self.owner)

    async def troubles(self, name: str, given: dict[str, Any]) -> set[tuple[str, str]]:
        """What is wrong with an operation's input: kinds of errors and where, dots between."""
        words = name.split("_")
        field = words[0] + "".join(map(str.title, words[1:]))
        [kind] = re.findall(r"\$input: (\w+)!", Operation(name).document)
        document = ERRORS % {"kind": kind, "field": field}
        told = await Asking(self.database)(document, {"input": given}, self.owner)
        found = {(code, "") for code in told.codes}
        for payload in told.data.values():
            found |= {(one["__typename"], ".".join(one["path"])) for one in payload["errors"]}
        return found

    def input(self, name: str, changes: dict[str, Any]) -> dict[str, Any]:
        """What the operation would be given, with some of it changed; paths have dots."""
        given = copy.deepcopy(self.given[name])
        for path, value in changes.items():
            *way, last = path.split(".")
            place: Any = given
            for step in way:
                place = place[int(step)] if step.isdigit() else place[step]
            place[int(last) if last.isdigit() else last] = value
        return given

    async def written(self) -> str:
        """Everything of the company that a write could have changed."""
        stores = [one.id for one in self.city.first.stores]
        given = {"stores": stores, "company": self.city.company.id}
        async with self.database.read(PLATFORM) as session:
            return str(await session.scalar(text(WRITTEN), given))

    async def shelf(self, nth: int) -> Stock:
        """The counters of a product in the store."""
        async with self.database.read(PLATFORM) as session:
            place = (self.city.near.id, self.city.products[nth].id)
            return await session.get_one(Stock, place)

    def product(self, nth: int) -> str:
        return id_of(self.city.products[nth])

    @property
    def store(self) -> str:
        return id_of(self.city.near)


async def furnished(database: Database, city: City) -> Stockroom:
    """A supplier with terms, orders, transfers, a count, a sale, an alert, and a file."""
    company, store = city.company.id, city.near.id
    [owner] = await people(database, 1, Grant(Role.COMPANY_ADMIN, company))
    [manager] = await people(database, 1, Grant(Role.STORE_MANAGER, company, store))
    room = Stockroom(database, city, owner, manager)
    await _supply(room)
    await _move(room)
    await _count(room)
    await _sell(room)
    return room


async def _supply(room: Stockroom) -> None:
    company = {"companyId": id_of(room.city.company)}
    room.given["supplier_save"] = {**company, "code": "LACTO", "name": "Lacto", "leadDays": 1}
    supplier = (await room.do("supplier_save"))["supplier"]["id"]
    terms = [{"productId": room.product(n), "packCostMinor": 500, "packUnits": 6} for n in (0, 1)]
    room.given["supplier_products_set"] = {
        "supplierId": supplier, "products": terms, "expectedVersion": 1,
    }  # fmt: skip
    await room.do("supplier_products_set")
    room.given["supplier_save"] |= {"code": "OTHER"}
    room.given["supplier_products_set"]["expectedVersion"] = 2
    lines = [{"productId": room.product(n), "packs": 4} for n in (0, 1)]
    here = {"storeId": room.store, "supplierId": supplier, "lines": lines}
    room.given["purchase_order_create"] = here
    draft, other = [(await room.do("purchase_order_create"))["purchaseOrder"] for _ in range(2)]
    aim = {"purchaseOrderId": draft["id"], "expectedVersion": draft["version"]}
    room.given["purchase_order_lines_set"] = {**aim, "lines": lines}
    room.given["purchase_order_approve"] = aim
    aim = {"purchaseOrderId": other["id"], "expectedVersion": other["version"]}
    await room.do("purchase_order_approve", **aim)
    box = {"productId": room.product(0), "quantity": 20, "damaged": 1, "batchCode": "L1"}
    more = {"lines": [{**box, "expiresOn": "2099-12-31"}], "expectedVersion": other["version"] + 1}
    room.given["purchase_order_receive"] = {**aim, **more}


async def _move(room: Stockroom) -> None:
    ends = {"sourceId": room.store, "destinationId": id_of(room.city.next)}
    lines = [{"productId": room.product(n), "quantity": 2} for n in (2, 3)]
    room.given["transfer_request"] = {**ends, "lines": lines}
    picked, sent = [(await room.do("transfer_request"))["transfer"]["id"] for _ in range(2)]
    for key in (picked, sent):
        await room.do("transfer_approve", transferId=key)
        await room.do("transfer_pick", transferId=key)
    room.given["transfer_ship"] = {"transferId": picked, "lines": lines}
    await room.do("transfer_ship", transferId=sent, lines=lines)
    difference = {"productId": room.product(2), "received": 1, "damaged": 1}
    room.given["transfer_receive"] = {"transferId": sent, "differences": [difference]}
    room.given["transfer_approve"] = {"transferId": sent}


async def _count(room: Stockroom) -> None:
    here = {"storeId": room.store, "productId": room.product(6)}
    room.given["stock_count_start"] = {"storeId": room.store, "productIds": [room.product(4)]}
    count = (await room.do("stock_count_start"))["count"]["id"]
    room.given["stock_count_start"]["productIds"] = [room.product(5)]
    room.given["stock_count_line_set"] = {
        "countId": count, "productId": room.product(4), "counted": 48,
    }  # fmt: skip
    room.given["stock_count_submit"] = {"countId": count}
    room.given["stock_count_approve"] = {"countId": count}
    room.given["stock_adjust"] = {**here, "delta": 6, "reason": "RECEIPT"}
    lines = [{"productId": room.product(n), "quantity": 40} for n in (6, 7)]
    room.given["stock_set_many"] = {"storeId": room.store, "lines": lines, "reason": "COUNT"}
    room.given["batch_waste"] = {**here, "quantity": 1}
    room.given["batch_recall"] = {
        "companyId": id_of(room.city.company), "productId": room.product(6), "batchCode": "L9",
    }  # fmt: skip
    room.given["stock_import_start"] = {
        "companyId": id_of(room.city.company), "uploadId": await _upload(room, b"\x89PNG\r\n\x1a"),
        "format": "CSV", "mode": "SET",
    }  # fmt: skip


async def _upload(room: Stockroom, head: bytes) -> str:
    """A picture that somebody sent for a file."""
    row = StockUpload(person_id=room.owner.person_id, size_bytes=len(head), head=head.hex())
    async with room.database.write(PLATFORM, Origin("test:upload")) as session:
        session.add(row)
    return encode(StockUpload, row.id)


async def _sell(room: Stockroom) -> None:
    here = {"storeId": room.store, "productId": room.product(8)}
    line = {"productId": room.product(8), "quantity": 1}
    room.given["counter_sale_complete"] = {
        "storeId": room.store, "lines": [line], "tender": "CASH", "cashReceivedMinor": 100_000,
    }  # fmt: skip
    sale = (await room.do("counter_sale_complete"))["sale"]["id"]
    room.given["counter_sale_void"] = {"counterSaleId": sale, "note": "Brought back."}
    start = datetime.now(UTC) + timedelta(hours=1)
    room.given["listing_price_schedule"] = {
        **here, "priceMinor": 99, "startsAt": start.isoformat(),
        "endsAt": (start + timedelta(hours=1)).isoformat(),
    }  # fmt: skip
    room.given["listing_set_price"] = {**here, "priceMinor": 99}
    room.given["listing_set_availability"] = {**here, "available": False}
    room.given["stock_reorder_point_set"] = {**here, "units": 60}
    await room.do("stock_reorder_point_set")
    await alerts.watch_shelves(room.database)
    told = await Asking(room.database)(
        Operation("stock_alerts").document, {"storeId": room.store}, room.owner
    )
    alert = told.data["stockAlerts"]["nodes"][0]["id"]
    room.given["alert_snooze"] = {"alertId": alert, "until": start.isoformat()}
    room.given["alert_acknowledge"] = {"alertId": alert}
