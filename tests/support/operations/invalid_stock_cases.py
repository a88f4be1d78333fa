"""A store with an input for each stock mutation, to be made invalid, and a snapshot of its data."""

import copy
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import text

from database.audit import AuditContext
from database.scope import PLATFORM
from database.sessions import Database
from models.identity import Actor, Grant, Role
from models.ids import encode_id
from models.imports import StockImportFile
from models.stock import StockLevel
from tests.support.city import City
from tests.support.customers import create_people
from tests.support.graph_queries import GraphAnswer, GraphRunner, public_id
from tests.support.operations.player import Operation
from tests.support.rows.alert_checks import check_all_levels

# All data of a company's goods: a refused mutation must not change any of it.
SNAPSHOT = """
select jsonb_build_object(
    'stock', (select jsonb_agg(to_jsonb(s) order by store_id, product_id) from stock s
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
    'listings', (select jsonb_agg(to_jsonb(l) order by store_id, product_id) from listing l
        where store_id = any (:stores))
)::text
"""

ERRORS = """
mutation Try($input: %(kind)s!) {
  %(field)s(input: $input) { errors { __typename ... on Problem { path message } } }
}
"""


@dataclass
class StockScenario:
    """A store, its people, and a valid input of each operation in `inputs`."""

    database: Database
    city: City
    owner: Actor
    manager: Actor
    inputs: dict[str, dict[str, Any]] = field(default_factory=dict)

    async def run(self, name: str, actor: Actor | None = None, /, **changes: Any) -> Any:
        """Run an operation with its input and return its payload, which must have no errors."""
        answer = await self.answer(name, {**self.inputs.get(name, {}), **changes}, actor)
        assert not answer.errors, (name, answer.errors)
        [payload] = answer.data.values()
        assert not payload["errors"], (name, payload["errors"])
        return payload

    async def answer(
        self, name: str, input: dict[str, Any], actor: Actor | None = None
    ) -> GraphAnswer:
        """Run an operation with this input, as the owner or another actor."""
        ask = GraphRunner(self.database)
        return await ask(Operation(name).document, {"input": input}, actor or self.owner)

    async def errors_of(self, name: str, input: dict[str, Any]) -> set[tuple[str, str]]:
        """The errors of an operation with this input: types or codes, and dotted paths."""
        words = name.split("_")
        field = words[0] + "".join(map(str.title, words[1:]))
        [kind] = re.findall(r"\$input: (\w+)!", Operation(name).document)
        document = ERRORS % {"kind": kind, "field": field}
        answer = await GraphRunner(self.database)(document, {"input": input}, self.owner)
        errors = {(code, "") for code in answer.codes}
        for payload in answer.data.values():
            for error in payload["errors"]:
                errors.add((error["__typename"], ".".join(error["path"])))
        return errors

    def changed_input(self, operation: str, changes: dict[str, Any]) -> dict[str, Any]:
        """The input of an operation with some values changed, by their dotted paths."""
        changed = copy.deepcopy(self.inputs[operation])
        for path, value in changes.items():
            *parents, last = path.split(".")
            target: Any = changed
            for name in parents:
                target = target[int(name)] if name.isdigit() else target[name]
            target[int(last) if last.isdigit() else last] = value
        return changed

    async def snapshot(self) -> str:
        """The data of the company that a mutation could have changed, as JSON."""
        stores = [store.id for store in self.city.first.stores]
        parameters = {"stores": stores, "company": self.city.company.id}
        async with self.database.read(PLATFORM) as session:
            return str(await session.scalar(text(SNAPSHOT), parameters))

    async def stock_row(self, nth: int) -> StockLevel:
        """The stock row of a product in the store."""
        async with self.database.read(PLATFORM) as session:
            key = (self.city.near.id, self.city.products[nth].id)
            return await session.get_one(StockLevel, key)

    def product(self, nth: int) -> str:
        return public_id(self.city.products[nth])

    @property
    def store(self) -> str:
        return public_id(self.city.near)


async def build_stock_scenario(database: Database, city: City) -> StockScenario:
    """Create a supplier with terms, orders, transfers, a count, a sale, an alert and an upload."""
    company, store = city.company.id, city.near.id
    [owner] = await create_people(database, 1, Grant(Role.COMPANY_ADMIN, company))
    [manager] = await create_people(database, 1, Grant(Role.STORE_MANAGER, company, store))
    scenario = StockScenario(database, city, owner, manager)
    await _add_purchasing(scenario)
    await _add_transfers(scenario)
    await _add_count(scenario)
    await _add_stock_changes(scenario)
    await _add_counter_sale(scenario)
    await _add_listing(scenario)
    await _add_alert(scenario)
    return scenario


async def _add_purchasing(scenario: StockScenario) -> None:
    inputs = scenario.inputs
    company = {"companyId": public_id(scenario.city.company)}
    inputs["supplier_create"] = {**company, "code": "LACTO", "name": "Lacto", "leadTimeDays": 1}
    supplier = (await scenario.run("supplier_create"))["supplier"]["id"]
    products = [scenario.product(n) for n in (0, 1)]
    terms = [{"productId": key, "packCostMinor": 500, "unitsPerPack": 6} for key in products]
    inputs["supplier_products_set"] = {
        "supplierId": supplier, "products": terms, "expectedVersion": 1,
    }  # fmt: skip
    await scenario.run("supplier_products_set")
    inputs["supplier_create"] |= {"code": "OTHER"}
    inputs["supplier_products_set"]["expectedVersion"] = 2
    lines = [{"productId": key, "packQuantity": 4} for key in products]
    order = {"storeId": scenario.store, "supplierId": supplier, "lines": lines}
    inputs["purchase_order_create"] = order
    draft, approved = [
        (await scenario.run("purchase_order_create"))["purchaseOrder"] for _ in range(2)
    ]
    step = {"purchaseOrderId": draft["id"], "expectedVersion": draft["version"]}
    inputs["purchase_order_lines_set"] = {**step, "lines": lines}
    inputs["purchase_order_approve"] = step
    step = {"purchaseOrderId": approved["id"], "expectedVersion": approved["version"]}
    await scenario.run("purchase_order_approve", **step)
    product = {"productId": products[0]}
    line = {"product": product, "quantity": 20, "damaged": 1, "batchCode": "L1"}
    receipt = {"lines": [{**line, "sellByDate": "2099-12-31"}]}
    version = {"expectedVersion": approved["version"] + 1}
    inputs["purchase_order_receive"] = {**step, **receipt, **version}


async def _add_transfers(scenario: StockScenario) -> None:
    stores = {"sourceStoreId": scenario.store, "destinationStoreId": public_id(scenario.city.next)}
    lines = [{"productId": scenario.product(n), "quantity": 2} for n in (2, 3)]
    scenario.inputs["transfer_request"] = {**stores, "lines": lines}
    picked, shipped = [(await scenario.run("transfer_request"))["transfer"]["id"] for _ in range(2)]
    for key in (picked, shipped):
        await scenario.run("transfer_approve", transferId=key)
        await scenario.run("transfer_start_picking", transferId=key)
    scenario.inputs["transfer_ship"] = {"transferId": picked, "lines": lines}
    await scenario.run("transfer_ship", transferId=shipped, lines=lines)
    difference = {"productId": scenario.product(2), "received": 1, "damaged": 1}
    scenario.inputs["transfer_receive"] = {"transferId": shipped, "discrepancies": [difference]}
    scenario.inputs["transfer_approve"] = {"transferId": shipped}


async def _add_count(scenario: StockScenario) -> None:
    inputs, product = scenario.inputs, scenario.product(4)
    inputs["stock_count_start"] = {"storeId": scenario.store, "productIds": [product]}
    count = (await scenario.run("stock_count_start"))["stockCount"]["id"]
    inputs["stock_count_start"]["productIds"] = [scenario.product(5)]
    counted = {"product": {"productId": product}, "counted": 48}
    inputs["stock_count_line_set"] = {"stockCountId": count, **counted}
    inputs["stock_count_submit"] = {"stockCountId": count}
    inputs["stock_count_approve"] = {"stockCountId": count}


async def _add_stock_changes(scenario: StockScenario) -> None:
    inputs, company = scenario.inputs, public_id(scenario.city.company)
    stock = {"storeId": scenario.store, "productId": scenario.product(6)}
    inputs["stock_adjust"] = {**stock, "delta": 6, "reason": "RECEIPT"}
    lines = [{"productId": scenario.product(n), "quantity": 40} for n in (6, 7)]
    inputs["stock_bulk_set"] = {"storeId": scenario.store, "lines": lines, "reason": "COUNT"}
    goods = {"productId": scenario.product(6)}
    inputs["stock_write_off"] = {"storeId": scenario.store, "goods": goods, "quantity": 1}
    inputs["batch_recall_create"] = {
        "companyId": company, "productId": scenario.product(6), "batchCode": "L9",
    }  # fmt: skip
    inputs["stock_import_start"] = {
        "companyId": company, "stockImportFileId": await _upload(scenario, b"\x89PNG\r\n\x1a"),
        "format": "CSV", "mode": "SET",
    }  # fmt: skip


async def _upload(scenario: StockScenario, head: bytes) -> str:
    """An uploaded file that is an image."""
    row = StockImportFile(person_id=scenario.owner.person_id, size_bytes=len(head), head=head)
    async with scenario.database.write(PLATFORM, AuditContext("test:upload")) as session:
        session.add(row)
    return encode_id(StockImportFile, row.id)


async def _add_counter_sale(scenario: StockScenario) -> None:
    line = {"product": {"productId": scenario.product(8)}, "quantity": 1}
    scenario.inputs["pos_sale_create"] = {
        "storeId": scenario.store, "lines": [line], "tenderType": "CASH",
        "cashReceivedMinor": 100_000,
    }  # fmt: skip
    sale = (await scenario.run("pos_sale_create"))["posSale"]["id"]
    scenario.inputs["pos_sale_void"] = {"posSaleId": sale, "note": "Brought back."}


async def _add_listing(scenario: StockScenario) -> None:
    inputs = scenario.inputs
    listing = {"storeId": scenario.store, "productId": scenario.product(8)}
    start = datetime.now(UTC) + timedelta(hours=1)
    end = start + timedelta(hours=1)
    inputs["listing_price_schedule"] = {
        **listing, "priceMinor": 99, "startsAt": start.isoformat(), "endsAt": end.isoformat(),
    }  # fmt: skip
    inputs["listing_price_set"] = {**listing, "priceMinor": 99}
    inputs["listing_availability_set"] = {**listing, "published": False}
    inputs["stock_reorder_point_set"] = {**listing, "units": 60}


async def _add_alert(scenario: StockScenario) -> None:
    await scenario.run("stock_reorder_point_set")
    await check_all_levels(scenario.database)
    answer = await GraphRunner(scenario.database)(
        Operation("stock_alerts").document, {"storeId": scenario.store}, scenario.owner
    )
    alert = answer.data["stockAlerts"]["nodes"][0]["id"]
    until = datetime.now(UTC) + timedelta(hours=1)
    scenario.inputs["stock_alert_snooze"] = {"stockAlertId": alert, "until": until.isoformat()}
    scenario.inputs["stock_alert_acknowledge"] = {"stockAlertId": alert}
