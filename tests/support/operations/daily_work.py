"""Typical work of customers, staff, riders and support, which uses every client operation."""

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

from database.audit import AuditContext
from database.scope import PLATFORM
from models.catalog import Product
from models.stores import Store
from services.core.problems import parse_id
from tests.support import riders
from tests.support.actors import InMemorySms
from tests.support.city import ZONE_DEGREES
from tests.support.graph_queries import public_id
from tests.support.operations.player import PASSWORD, OperationPlayer
from tests.support.operations.rider_positions import report_positions
from tests.support.rows.alert_checks import check_all_levels


async def sign_in_and_out(play: OperationPlayer, sms: InMemorySms) -> None:
    """Sign in by password, by phone and as a guest; refresh a token; sign out."""
    email = play.clients["buyer"].person
    assert email is not None
    variables = {"email": email.email, "password": PASSWORD}
    tokens = await play("nobody", "password_sign_in", **variables)
    await play("nobody", "session_refresh", refreshToken=tokens["refreshToken"])
    phone = f"+35191{secrets.randbelow(10**7):07}"
    await play("nobody", "otp_request", phone=phone)
    await play("nobody", "otp_sign_in", phone=phone, code=sms.code(phone))
    assert (await play("nobody", "guest_sign_in"))["user"]["id"]
    await play("nobody", "schema_version")
    me = await play("buyer", "viewer")
    other = next(session["id"] for session in me["sessions"] if not session["isCurrent"])
    await play("buyer", "session_revoke", sessionId=other)
    await play("buyer", "viewer_update")


async def shop(play: OperationPlayer) -> None:
    """Read the storefront, a category, a search, a product; save addresses; fill the cart."""
    at = play.city.point
    assert (await play("buyer", "storefront", location=at))["products"]["nodes"]
    branch = await play("nobody", "storefront_category", location=at, slug="home")
    assert branch["category"]["products"]["nodes"]
    assert (await play("nobody", "storefront_search", location=at))["search"]["nodes"]
    page = await play("nobody", "storefront_product", location=at, id=play.product(0))
    assert page["product"]["name"]
    assert (await play("nobody", "node", id=play.product(0)))["id"] == play.product(0)
    ids = [play.store, play.product(0)]
    assert [one["id"] for one in await play("nobody", "nodes", ids=ids)] == ids
    assert (await play("nobody", "store_detail", id=play.store))["isOpen"]
    saved = await play("buyer", "address_save", location=at)
    assert (await play("buyer", "address_book"))["customer"]["addresses"]
    await play("buyer", "address_remove", addressId=saved["address"]["id"])
    lines = [{"productId": play.product(n), "quantity": 1} for n in range(3)]
    await play("buyer", "cart_lines_set", location=at, lines=lines)
    cart = await play("buyer", "cart_detail", location=at)
    assert len(cart["cart"]["lines"]) == 3
    assert (await play.watch("nobody", "stock_changed", storeId=play.store))["cursor"]


async def deliver_order(play: OperationPlayer) -> str:
    """Deliver one order, with something that is not sold to minors; return its id."""
    await restrict_product(play, True)
    order = await play.order(lines=3)
    await restrict_product(play, False)
    for who in ("buyer", "picker", "agent"):
        assert (await play.watch(who, "order_tracked", orderId=order))["order"]["id"] == order
        await play(who, "order_detail" if who == "buyer" else "order_record", id=order)
    storefront = await play("buyer", "storefront", location=play.city.point)
    assert storefront["activeOrder"]["id"] == order
    assert (await play("buyer", "order_history"))["customer"]["orders"]["nodes"]
    assert await play.watch("picker", "store_queue_changed", storeId=play.store)
    await begin_shift(play)
    delivery = await pick_and_pack(play, storefront["activeOrder"]["code"])
    await play("rider", "delivery_arrive_at_store", deliveryId=delivery["id"])
    code = (await play("picker", "fulfillment_detail", id=delivery["task"]))["handoverCode"]
    await play("rider", "delivery_pick_up", deliveryId=delivery["id"], handoverCode=code)
    await report_positions(play, delivery["id"])
    for who in ("buyer", "picker", "agent", "rider"):
        assert (await play(who, "delivery_detail", id=delivery["id"]))["riderName"]
    await play("rider", "delivery_arrive_at_customer", deliveryId=delivery["id"])
    for who in ("agent", "picker", "rider"):
        why = None if who == "rider" else {"reason": "CUSTOMER_CONFIRMED", "note": "By video."}
        checked = await play(who, "delivery_check_age", deliveryId=delivery["id"], override=why)
        assert checked["delivery"]["ageCheckResult"] == "PASSED"
    pin = (await play("buyer", "order_detail", id=order))["deliveryPin"]
    await play("rider", "delivery_complete", deliveryId=delivery["id"], deliveryPin=pin)
    await play.settle(order)
    await play("rider", "rider_go_offline")
    return order


async def restrict_product(play: OperationPlayer, restricted: bool) -> None:
    """Sell the product that is ordered first to adults only, or to everybody."""
    async with play.container.database.write(PLATFORM, AuditContext("test:play")) as session:
        product = await session.get_one(Product, parse_id(Product, play.product(0)))
        product.age_restricted = restricted


async def begin_shift(play: OperationPlayer) -> None:
    """Bring the rider online next to the store."""
    await play("rider", "rider_go_online")
    near = {"latitude": play.city.near.latitude, "longitude": play.city.near.longitude}
    await riders.age_positions(play.container.database, play.city)
    await play("rider", "rider_location_report", **near)


async def pick_and_pack(play: OperationPlayer, code: str) -> Any:
    """Pick, pack and stage an order; return the rider's delivery."""
    task = await play.task(code)
    key = {"fulfillmentId": task["id"]}
    await play("picker", "fulfillment_accept", **key)
    delivery = await accept_offer(play)
    for line in task["lines"]:
        variables = {"scannedCode": line["product"]["barcode"], "quantity": line["quantity"]}
        await play("picker", "fulfillment_line_pick", **key, **variables)
    await play("picker", "fulfillment_pack", **key)
    await play("picker", "fulfillment_stage", **key)
    return {**delivery, "task": task["id"]}


async def accept_offer(play: OperationPlayer) -> Any:
    """Accept the offered delivery as the rider."""
    seen = await play.watch("rider", "delivery_offered")
    assert seen["cursor"]
    [offer] = (await play("rider", "rider_desk"))["rider"]["offers"]
    return (await play("rider", "delivery_offer_accept", deliveryOfferId=offer["id"]))["delivery"]


async def complain(play: OperationPlayer, order: str) -> None:
    """Open a ticket about a delivered order, answer it and refund; write again afterwards."""
    opened = [await play(who, "ticket_open", orderId=order) for who in ("agent", "buyer")]
    ticket = {"ticketId": opened[1]["ticket"]["id"]}
    assert (await play("agent", "ticket_queue"))["nodes"]
    assert (await play.watch("agent", "support_queue_changed"))["tickets"]
    for who in ("buyer", "agent"):
        assert (await play.watch(who, "ticket_changed", **ticket))["ticket"]
        assert (await play(who, "ticket_detail", id=ticket["ticketId"]))["messages"]
    await play("agent", "ticket_assign", **ticket)
    await play("agent", "ticket_reply", **ticket)
    await play("buyer", "ticket_reply", **ticket)
    back = {"amountMinor": 10, "reason": "ITEM_MISSING"}
    await play("agent", "ticket_resolve", **ticket, refund=back)
    await play("agent", "order_refund", orderId=order)
    await play.settle(order)
    detail = await play("buyer", "ticket_detail", id=ticket["ticketId"])
    assert detail["status"] == "RESOLVED"
    assert (await play("buyer", "ticket_history"))["nodes"]
    assert (await play("buyer", "ticket_reply", **ticket))["ticket"]["status"] == "OPEN"


async def cancel_and_reject(play: OperationPlayer) -> None:
    """Cancel an order, reject one, decline an offer, unassign a rider."""
    for who in ("buyer", "agent"):
        await play(who, "order_cancel", orderId=await play.order())
    turned_down = await play("buyer", "order_detail", id=await play.order())
    task = await play.task(turned_down["code"])
    await play("picker", "fulfillment_reject", fulfillmentId=task["id"])
    order = await play.order()
    await begin_shift(play)
    task = await play.task((await play("buyer", "order_detail", id=order))["code"])
    await play("picker", "fulfillment_accept", fulfillmentId=task["id"])
    [offer] = (await play("rider", "rider_desk"))["rider"]["offers"]
    await play("rider", "delivery_offer_decline", deliveryOfferId=offer["id"])
    rider = {"riderId": public_id(play.city.riders[0])}
    for who in ("manager", "agent", "owner"):
        await play(who, "rider_end_shift", **rider)
        await begin_shift(play)
    for who in ("manager", "agent"):
        detail = await play("buyer", "order_detail", id=await play.order())
        delivery = await pick_and_pack(play, detail["code"])
        await play(who, "delivery_unassign", deliveryId=delivery["id"])
        assert (await play(who, "delivery_dispatch", id=delivery["id"]))["offers"]


async def manage_store(play: OperationPlayer) -> None:
    """Change stock, prices and availability in a store."""
    key = {"storeId": play.store, "productId": play.product(5)}
    assert (await play("picker", "stock_of_store", storeId=play.store))["nodes"]
    await play("picker", "stock_adjust", **key)
    await play("picker", "listing_availability_set", **key)
    await play("manager", "listing_price_set", **key)
    planned = await play("manager", "listing_price_schedule", **key)
    assert (await play("picker", "scheduled_prices", storeId=play.store))["nodes"]
    off = {"scheduledPriceId": planned["scheduledPrice"]["id"]}
    await play("picker", "scheduled_price_cancel", **off)
    await watch_stock_alerts(play)
    await sell_at_counter(play)
    assert (await play.watch("picker", "inventory_counted", storeId=play.store))["cursor"]
    for who in ("manager", "agent"):
        assert (await play(who, "rider_list", companyId=play.company, status=None))["nodes"]


async def watch_stock_alerts(play: OperationPlayer) -> None:
    """Raise an alert for a product below its reorder point; snooze, acknowledge, snooze it."""
    key = {"storeId": play.store, "productId": play.product(5)}
    await play("manager", "stock_reorder_point_set", **key, units=1000)
    await check_all_levels(play.container.database)
    for who, where in (("picker", {"storeId": play.store}), ("owner", {"companyId": play.company})):
        result = await play(who, "stock_alerts", **{"storeId": None, **where})
        live = await play.watch(who, "stock_alert_changed", **{"storeId": None, **where})
        assert result["nodes"]
        assert result["nodes"][0]["id"] == live["stockAlerts"][0]["id"]
    result = await play("owner", "company_stock", companyId=play.company, search="Milk")
    assert result["nodes"][0]["onHand"] > 0
    result = await play("picker", "stock_alerts", storeId=play.store)
    later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    alert = {"stockAlertId": result["nodes"][0]["id"]}
    await play("picker", "stock_alert_snooze", **alert, until=later)
    await play("picker", "stock_alert_acknowledge", **alert)
    await play("picker", "stock_alert_snooze", **alert, until=later)


async def sell_at_counter(play: OperationPlayer) -> None:
    """Sell two units at the counter and void the sale."""
    here = {"storeId": play.store}
    lines = [{"product": {"scannedCode": play.city.products[11].barcode}, "quantity": 2}]
    await restrict_product(play, True)
    sold = await play("picker", "pos_sale_create", **here, lines=lines)
    assert sold["posSale"]["ageDocument"] == "IDENTITY_CARD"
    await restrict_product(play, False)
    sale = sold["posSale"]["id"]
    assert (await play("picker", "counter_sale_detail", id=sale))["lines"]
    assert (await play("manager", "pos_sales", **here))["nodes"][0]["id"] == sale
    await play("manager", "pos_sale_void", posSaleId=sale)
    assert (await play("manager", "pos_day_report", **here))["voidedCount"] == 1


async def create_company_and_store(play: OperationPlayer) -> None:
    """Create a company and a store with zone and hours; sign out."""
    mark = secrets.token_hex(4)
    await play("admin", "company_create", slug=f"ribeira-{mark}")
    created = await play("owner", "store_create", companyId=play.company, code=mark)
    await configure_store(play, "owner", created["store"]["id"])
    await configure_store(play, "manager", play.store, deliveryZone=square_zone(play.city.near))
    assert (await play("owner", "session_revoke_all"))["revokedCount"] == 1


async def configure_store(play: OperationPlayer, who: str, store: str, **zone: Any) -> None:
    """Set a store's zone, opening hours and preparation time; pause and open it."""
    await play(who, "store_zone_set", storeId=store, **zone)
    await play(who, "store_hours_set", storeId=store)
    for status in ("CLOSED", "PAUSED", "OPEN"):
        version = (await play(who, "store_desk", id=store))["desk"]["version"]
        await play(who, "store_update", storeId=store, expectedVersion=version, status=status)


def square_zone(store: Store, half: float = ZONE_DEGREES) -> dict[str, Any]:
    """Return a square zone around a store as GeoJSON."""
    west, east = store.longitude - half, store.longitude + half
    south, north = store.latitude - half, store.latitude + half
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}


async def add_one_of_everything(play: OperationPlayer, lines: int) -> None:
    """Add one of everything that appears in a list: order, task, ticket, address, cart line."""
    at = play.city.point
    order = await play.order(lines)
    task = await play.task((await play("buyer", "order_detail", id=order))["code"])
    await play("picker", "fulfillment_accept", fulfillmentId=task["id"])
    ticket = (await play("buyer", "ticket_open", orderId=order))["ticket"]
    for _ in range(lines):
        await play("agent", "ticket_reply", ticketId=ticket["id"])
        await play("buyer", "address_save", location=at)
    cart = [{"productId": play.product(n), "quantity": 1} for n in range(lines)]
    await play("buyer", "cart_lines_set", location=at, lines=cart)


async def count_list_statements(play: OperationPlayer) -> dict[str, int]:
    """Return the number of statements of each list; the newest order has the most lines."""
    at, here = play.city.point, {"storeId": play.store}
    play.used.clear()
    orders = (await play("buyer", "order_history"))["customer"]["orders"]
    order = {"id": orders["nodes"][0]["id"]}
    detail = await play("buyer", "order_detail", **order)
    await play("agent", "order_record", **order)
    await play("picker", "fulfillment_detail", id=detail["fulfillment"]["id"])
    await play("picker", "fulfillment_queue", **here)
    await play.watch("picker", "store_queue_changed", **here)
    tickets = (await play("buyer", "ticket_history"))["nodes"]
    await play("buyer", "ticket_detail", id=tickets[0]["id"])
    await play("agent", "ticket_queue", status="AWAITING_CUSTOMER")
    await play.watch("agent", "support_queue_changed")
    await play("buyer", "address_book")
    await play("buyer", "cart_detail", location=at)
    await play("buyer", "storefront", location=at, first=len(tickets) * 4)
    one = len(tickets) == 1
    await play("picker", "stock_of_store", **here, search="Milk" if one else "")
    await play("nobody", "storefront_search", location=at, query="Milk" if one else "First")
    await play("nobody", "nodes", ids=[play.product(n) for n in range(len(tickets) * 3)])
    return {name: max(counts) for name, counts in play.used.items()}
