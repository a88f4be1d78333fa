"""The measured operations, as documents of our schema and of PostGraphile's.

Mercurius, Yoga and plain Strawberry serve a part of our own schema, so they get our documents.
"""

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

DOCUMENTS = Path(__file__).parent / "documents"
LOW_UNITS = 5
PLACE = {"latitude": 41.1579, "longitude": -8.6291}
BRANCH = "rice-oil-canned-food-fruits-vegetables-meat/rice/white-rice"
WORDS = "chocolate"
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Operation:
    """One request of each dialect; `normalize` converts PostGraphile's data to our shape."""

    name: str
    about: str
    signed: bool
    variables: Row
    graphile_variables: Row
    normalize: Callable[[Row], Row]
    document: str = ""
    """Whose documents it sends, if not its own."""
    headers: Mapping[str, str] = field(default_factory=dict)

    def body(self, dialect: str) -> str:
        """The JSON to post; dialect is `ours` or `graphile`."""
        query = (DOCUMENTS / f"{self.document or self.name}.{dialect}.graphql").read_text()
        variables = self.variables if dialect == "ours" else self.graphile_variables
        return json.dumps({"query": query, "variables": variables})


def operations(customer: UUID, order: UUID) -> list[Operation]:
    """All of them, for one customer and the order of theirs that is being delivered."""
    at = {"location": PLACE}
    return [
        Operation("hello", "`__typename`: what a request costs at least", False, {}, {}, dict),
        Operation(
            "proxied", "the same with the header of a trusted proxy", False, {}, {}, dict,
            document="hello", headers={"x-forwarded-for": "203.0.113.7"},
        ),
        Operation(
            "storefront",
            "place → store → category → 20 products → brand, category, price, stock",
            False,
            at | {"slug": BRANCH},
            PLACE | {"slug": BRANCH},
            _storefront,
        ),
        Operation(
            "search", "the 20 best matches of a word in the store of a place", False,
            at | {"query": WORDS}, PLACE | {"query": f"'{WORDS}':*"}, _search,
        ),
        Operation(
            "tracking", "an order in delivery: lines, payment, ride, position, 12 events", True,
            {"id": public("ord", order)}, {"id": str(order)}, _tracking,
        ),
        Operation(
            "orders", "100 orders of a customer with their 800 lines", True,
            {}, {"customer": str(customer)}, _orders,
        ),
    ]  # fmt: skip


def public(prefix: str, key: UUID | str) -> str:
    """The id that our graph gives a row."""
    raw = UUID(str(key)).bytes
    return f"{prefix}_{base64.urlsafe_b64encode(raw).decode().rstrip('=')}"


def _money(row: Row, minor: str, currency: str) -> Row:
    return {"minorUnits": int(row[minor]), "currency": currency}


def _product(listing: Row, currency: str) -> Row:
    product, stock = listing["productByProductId"], listing["stock"]
    units = stock["onHand"] - stock["reserved"] if stock and listing["available"] else 0
    said = {"id": public("prd", listing["productId"]), "name": product["name"]}
    if "code" in product:
        said["sku"] = product["code"]
        said["promotionLabel"] = listing["promotionLabel"] or product["promotionLabel"]
    said["price"] = _money(listing, "priceMinor", currency)
    said["availability"] = (
        "OUT_OF_STOCK" if units <= 0 else "LOW_STOCK" if units <= LOW_UNITS else "IN_STOCK"
    )
    brand = product["brandByBrandId"]
    said["brand"] = brand and {"name": brand["name"]}
    if "categoryByCategoryId" in product:
        category = product["categoryByCategoryId"]
        said["category"] = {"slug": category["slug"], "name": category["name"]}
    return said


def _storefront(data: Row) -> Row:
    store = data["storeAt"]
    branch, currency = store["branch"], store["companyByCompanyId"]["currency"]
    nodes = [_product(listing, currency) for listing in store["shelf"]["nodes"]]
    category: Row = {"id": public("cat", branch["rowId"]), "name": branch["name"]}
    category["products"] = {"nodes": nodes}
    return {
        "storefront": {
            "store": {"id": public("sto", store["rowId"]), "name": store["name"]},
            "category": category,
        }
    }


def _search(data: Row) -> Row:
    store = data["storeAt"]
    currency = store["companyByCompanyId"]["currency"]
    nodes = [_product(listing, currency) for listing in store["search"]["nodes"]]
    return {"storefront": {"search": {"nodes": nodes}}}


def _line(row: Row, currency: str) -> Row:
    return {
        "id": public("oln", row["rowId"]),
        "name": row["name"],
        "quantity": row["quantity"],
        "unitPrice": _money(row, "unitPriceMinor", currency),
        "total": _money(row, "totalMinor", currency),
    }


def _order(row: Row) -> Row:
    currency = row["currency"]
    return {
        "id": public("ord", row["rowId"]),
        "code": row["code"],
        "status": row["status"],
        "placedAt": row["placedAt"],
        "total": _money(row, "totalMinor", currency),
        "lines": [_line(line, currency) for line in row["orderLinesByOrderId"]["nodes"]],
    }


def _orders(data: Row) -> Row:
    nodes = [_order(row) for row in data["allOrders"]["nodes"]]
    return {"viewer": {"customer": {"orders": {"nodes": nodes}}}}


def _tracking(data: Row) -> Row:
    row = data["orderByRowId"]
    payment = row["paymentsByOrderId"]["nodes"][0]
    fulfillment = row["fulfillmentsByOrderId"]["nodes"][0]
    ride = row["deliveriesByOrderId"]["nodes"][0]
    store = row["storeByStoreId"]
    return {
        "order": _order(row)
        | {
            "promiseP50Seconds": row["promiseP50Seconds"],
            "store": {"id": public("sto", store["rowId"]), "name": store["name"]},
            "payment": {
                "id": public("pay", payment["rowId"]),
                "status": payment["status"],
                "capturedAmount": _money(payment, "capturedAmountMinor", row["currency"]),
            },
            "fulfillment": {
                "id": public("ful", fulfillment["rowId"]),
                "status": fulfillment["status"],
            },
            "delivery": {
                "id": public("dlv", ride["rowId"]),
                "status": ride["status"],
                "riderName": ride["riderName"],
                "riderLocation": ride["riderByRiderId"]["riderPositionByRiderId"],
            },
            "timeline": {"nodes": row["timeline"]["nodes"]},
        }
    }
