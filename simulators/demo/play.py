"""One order, played by a customer, a picker, a rider and an agent over HTTP and WebSocket."""

import asyncio
import uuid
from contextlib import aclosing
from typing import Any

import aiohttp

from simulators.client import GraphClient
from simulators.demo.checks import UnexpectedResult, expect
from simulators.demo.offers import accept_ride
from simulators.demo.transcript import Transcript
from simulators.demo.watcher import Watcher
from simulators.parts.agent import AgentClient
from simulators.parts.customer import CardProvider, CustomerClient
from simulators.parts.picker import PickerClient
from simulators.parts.rider import RiderClient

PASSWORD = "darkstore-demo-1"  # noqa: S105 - the seeded accounts of a development store
CUSTOMER = "customer20@mail.example"
PICKER = "staff1.1@harbour.example"
RIDERS = tuple(f"rider{number}@harbour.example" for number in range(240, 230, -1))
AGENT = "support1@darkstore.example"
HOME = {"latitude": 41.1592, "longitude": -8.6301}
CARD = "pm_card_visa"
LINES = 3
SCALE_SHARE = 1.05
RIDE_STEPS = 5
STEP_SECONDS = 1.1


async def play(url: str, provider: CardProvider) -> None:
    """Play the whole order; raises at the first thing that is wrong."""
    script = Transcript()
    async with aiohttp.ClientSession() as http:

        def graph() -> GraphClient:
            return GraphClient(http, f"{url}/graphql")

        customer, picker = CustomerClient(graph()), PickerClient(graph())
        rider, agent = RiderClient(graph()), AgentClient(graph())
        parts = (customer, picker, rider, agent)
        with script.does("everybody", "signs in"):
            await customer.sign_in(CUSTOMER, PASSWORD)
            await picker.sign_in(PICKER, PASSWORD)
            await agent.sign_in(AGENT, PASSWORD)
            await _sign_in_free_rider(rider)
        customer.at = HOME
        try:
            order = await _shop(script, customer, provider, picker)
            async with aclosing(Watcher(customer, order["id"], script)) as watcher:
                handover_code = await _pick(script, picker, order, watcher)
                await _deliver(script, rider, picker, order, handover_code, watcher)
                await _refund(script, customer, agent, order, watcher)
        finally:
            for part in parts:
                await part.graph.close()
    script.says("everybody", "is done; every step came out as it should")


async def _sign_in_free_rider(rider: RiderClient) -> None:
    """Sign in as a rider without a delivery, because busy riders receive no offers."""
    for email in RIDERS:
        await rider.sign_in(email, PASSWORD)
        desk = await rider.desk()
        if desk["currentDelivery"] is None:
            if desk["rider"]["status"] == "ONLINE":
                await rider.go_offline()
            return
    raise UnexpectedResult("every rider of the demo is still on the road")


async def _shop(
    script: Transcript, customer: CustomerClient, provider: CardProvider, picker: PickerClient
) -> dict[str, Any]:
    with script.does("customer", "opens the storefront") as came:
        front = await customer.storefront()
        expect("serviceable", front["serviceable"], True)
        came.append(
            f"{front['store']['name']}, {front['deliveryEstimate']['p50Seconds'] // 60} min"
        )
    picker.store_id = front["store"]["id"]
    with script.does("customer", "searches for milk") as came:
        milk = await customer.search("milk")
        came.append(f"{len(milk)} found")
    with script.does("customer", "looks for apples that are sold by weight") as came:
        loose = [p for p in await customer.search("fuji apple") if p["soldByWeight"]]
        came.append(f"{len(loose)} found")
    found = [*loose[:1], *milk, *front["products"]["nodes"]]
    goods = [p for p in found if p["availability"] == "IN_STOCK"]
    wanted = {product["id"]: 2 for product in goods[:LINES]}
    expect("products to buy", len(wanted), LINES)
    with script.does("customer", f"fills the cart with {LINES} products") as came:
        cart = await customer.fill(wanted)
        expect("orderable", cart["readyForCheckout"], True)
        came.append(cart["totals"]["total"]["formatted"])
    with script.does("customer", "places the order") as came:
        key = uuid.uuid4().hex
        placed = await customer.place(key, expectedTotalMinor=cart["totals"]["total"]["minorUnits"])
        order: dict[str, Any] = placed["order"]
        expect("the order's status", order["status"], "PLACED")
        came.append(f"{order['code']} for {order['total']['formatted']}")
        order["from"] = front["store"]["location"]
    with script.does("customer", "pays by card") as came:
        status = await customer.pay(placed["payment"], provider, CARD)
        expect("the payment intent", status, "requires_capture")
        came.append(status)
    return order


async def _pick(
    script: Transcript, picker: PickerClient, order: dict[str, Any], watcher: Watcher
) -> str:
    await watcher.event("ORDER_CONFIRMED")
    with script.does("picker", "looks at the queue") as came:
        tasks = [task for task in await picker.queue() if task["orderCode"] == order["code"]]
        expect("tasks for the order in the queue", len(tasks), 1)
        came.append(f"{order['code']} is there")
    with script.does("picker", "accepts the order"):
        accepted = await picker.accept(tasks[0]["id"])
    await watcher.event("FULFILLMENT_ACCEPTED")
    for line in accepted["lines"]:
        weighs = " and weighs them" if line["averageWeightGrams"] else ""
        with script.does("picker", f"scans {line['quantity']} of {line['name']}{weighs}"):
            await picker.pick(accepted["id"], line, line["quantity"], SCALE_SHARE)
    with script.does("picker", "packs one bag"):
        packed = await picker.pack(accepted["id"])
    await watcher.event("FULFILLMENT_PACKED")
    with script.does("picker", "puts the bag at the pickup point"):
        await picker.stage(accepted["id"])
    await watcher.event("FULFILLMENT_STAGED")
    return str(packed["handoverCode"])


async def _deliver(
    script: Transcript,
    rider: RiderClient,
    picker: PickerClient,
    order: dict[str, Any],
    code: str,
    watcher: Watcher,
) -> None:
    store = order["from"]
    with script.does("rider", "goes online in front of the store"):
        await rider.go_online()
        await rider.report(store["latitude"], store["longitude"])
    with script.does("rider", "accepts the offer of the ride") as came:
        offer, ride = await accept_ride(rider, picker, order["code"])
        came.append(f"{offer['pickupDistanceMeters']} m, {offer['pickupEtaSeconds']} s")
    await watcher.event("DELIVERY_ASSIGNED")
    door = ride["dropoffLocation"]
    with script.does("rider", "arrives at the store"):
        await rider.arrive_at_store(ride["id"])
    with script.does("rider", f"picks up with the store's code {code}"):
        await rider.pick_up(ride["id"], code)
    await watcher.event("DELIVERY_PICKED_UP")
    for step in range(1, RIDE_STEPS + 1):
        share = step / RIDE_STEPS
        await rider.report(*(_between(store[a], door[a], share) for a in ("latitude", "longitude")))
        await asyncio.sleep(STEP_SECONDS)
    await watcher.until("the rider's position", lambda message: bool(message["riderLocation"]))
    with script.does("rider", "rings the bell"):
        await rider.arrive_at_customer(ride["id"])
    with script.does("rider", "hands over for the customer's PIN") as came:
        done = await rider.complete(ride["id"], order["deliveryPin"])
        expect("the delivery", done["status"], "DELIVERED")
        came.append(done["status"])
    await watcher.event("ORDER_COMPLETED")
    await rider.go_offline()


def _between(start: float, end: float, share: float) -> float:
    return start + (end - start) * share


async def _refund(
    script: Transcript,
    customer: CustomerClient,
    agent: AgentClient,
    order: dict[str, Any],
    watcher: Watcher,
) -> None:
    await watcher.event("PAYMENT_CAPTURED")
    with script.does("customer", "opens a ticket"):
        words = "One carton was open and half empty."
        ticket = await customer.complain(order["id"], "Broken carton", words)
    amount = order["total"]["minorUnits"] // 10
    with script.does("agent", "answers"):
        await agent.reply(ticket["id"], "I am sorry. You get the money for it back.")
    with script.does("agent", "resolves it with a refund") as came:
        resolved = await agent.resolve(ticket["id"], "Refunded the carton.", amount)
        came += [refund["amount"]["formatted"] for refund in resolved["refunds"]]
    await watcher.event("REFUND_SUCCEEDED")
    with script.does("customer", "looks at the order") as came:
        shown = await customer.order(order["id"])
        expect("the stage", shown["stage"], "DELIVERED")
        expect("the refund", shown["payment"]["refundedAmount"]["minorUnits"], amount)
        came.append(f"{shown['stage']}, {shown['payment']['status']}")
