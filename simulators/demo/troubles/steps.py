"""The steps that several chapters share: an order is placed, packed, carried and handed over."""

import asyncio
import uuid
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any

from simulators.client import RequestFailed
from simulators.demo.checks import UnexpectedResult, expect
from simulators.demo.offers import accept_ride
from simulators.demo.session import AGENT, DemoSession
from simulators.demo.watcher import Watcher
from simulators.parts.administrator import AdministratorClient
from simulators.parts.agent import AgentClient
from simulators.parts.customer import CustomerClient
from simulators.parts.picker import PickerClient
from simulators.parts.rider import RiderClient

PICKER = "staff1.1@harbour.example"
MANAGER = "manager1@harbour.example"
ADMIN = "admin@harbour.example"
CITY_CENTER = {"latitude": 41.1579, "longitude": -8.6291}
CARD = "pm_card_visa"
ADDRESS = "Rua das Flores 12, 3.º"
NEAR_DEGREES, FAR_DEGREES = 0.0005, 0.003  # 56 m and 334 m to the north
METERS_PER_DEGREE = 111_320.0
SPEED_MPS = 55.0  # a little less than the store believes
FIRST_REPORT_SECONDS = 0.5
MIN_PRICE_MINOR, MAX_PRICE_MINOR = 2_600, 6_000
QUANTITY = 2
SEEN_SECONDS = 15.0


@dataclass(slots=True)
class PlacedOrder:
    """A paid order of a chapter, and what its customer sees of it."""

    id: str
    code: str
    pin: str
    total_minor: int
    intent_id: str
    products: list[dict[str, Any]]
    store: dict[str, Any]
    home: dict[str, float]
    customer: CustomerClient
    watcher: Watcher


async def customer_near(run: DemoSession, number: int, north: float) -> tuple[CustomerClient, Any]:
    """A customer who lives so many degrees north of the central store, and their storefront."""
    customer = await run.app(CustomerClient, f"customer{number}@mail.example")
    customer.at = CITY_CENTER
    place = (await customer.storefront())["store"]["location"]
    home = {"latitude": place["latitude"] + north, "longitude": place["longitude"]}
    customer.at = home
    return customer, await customer.storefront()


async def picker_of(run: DemoSession, front: Any, email: str = PICKER) -> PickerClient:
    """A picker of the store that serves a customer."""
    picker = await run.app(PickerClient, email)
    picker.store_id = front["store"]["id"]
    return picker


async def administrator_of(run: DemoSession, front: Any) -> AdministratorClient:
    """The manager of the store that serves a customer."""
    manager = await run.app(AdministratorClient, MANAGER)
    manager.store_id = front["store"]["id"]
    return manager


async def agent_of(run: DemoSession) -> AgentClient:
    """A support agent."""
    return await run.app(AgentClient, AGENT)


def choose(front: Any, count: int = 2) -> list[dict[str, Any]]:
    """Products for a small order, so that the delivery is not free."""
    found = [
        product
        for product in front["products"]["nodes"]
        if product["availability"] == "IN_STOCK"
        and not product["ageRestricted"]
        and MIN_PRICE_MINOR <= product["price"]["minorUnits"] <= MAX_PRICE_MINOR
    ]
    if len(found) < count:
        raise UnexpectedResult(f"only {len(found)} products of the storefront are in stock")
    return found[:count]


async def order_and_pay(
    run: DemoSession,
    customer: CustomerClient,
    front: Any,
    products: list[dict[str, Any]] | None = None,
    name: str = "ORDER",
) -> PlacedOrder:
    """Order two units of each product, and pay by card."""
    chosen = choose(front) if products is None else products
    lines = [{"productId": one["id"], "quantity": QUANTITY} for one in chosen]
    placed = await customer.place(uuid.uuid4().hex, lines=lines, addressLine=ADDRESS)
    order, payment = placed["order"], placed["payment"]
    run.script.mask(order["code"], name)
    run.orders.append(order["id"])
    # Before the payment: a quick confirmation would be in the snapshot, and no event of it comes.
    watcher = run.watch(customer, order["id"])
    with run.script.does("customer", f"orders {order['code']} and pays by card") as came:
        came.append(await customer.pay(payment, run.card_provider, CARD))
    await sees(run, watcher, "ORDER_CONFIRMED")
    return PlacedOrder(
        id=order["id"],
        code=order["code"],
        pin=order["deliveryPin"],
        total_minor=order["total"]["minorUnits"],
        intent_id=payment["clientSecret"].split("_secret_")[0],
        products=chosen,
        store=front["store"],
        home=customer.at,
        customer=customer,
        watcher=watcher,
    )


async def sees(
    run: DemoSession, watcher: Watcher, event: str, seconds: float = SEEN_SECONDS
) -> None:
    """The customer's app shows an event."""
    await watcher.event(event, seconds)
    run.script.says("customer", f"sees {event}")


async def find_task(picker: PickerClient, order: PlacedOrder) -> Any:
    """The order's task in the queue of the store."""
    tasks = [task for task in await picker.queue() if task["orderCode"] == order.code]
    expect(f"tasks for {order.code} in the queue", len(tasks), 1)
    return tasks[0]


async def accept(
    run: DemoSession, picker: PickerClient, order: PlacedOrder, who: str = "picker"
) -> Any:
    """Accept the order's task."""
    task = await find_task(picker, order)
    with run.script.does(who, f"accepts {order.code}"):
        return await picker.accept(task["id"])


async def pick(
    run: DemoSession, picker: PickerClient, task: Any, count: int | None = None, who: str = "picker"
) -> None:
    """Pick all lines of a task, or the first ones."""
    lines = task["lines"][:count]
    with run.script.does(who, f"picks {len(lines)} of {len(task['lines'])} products"):
        for line in lines:
            await picker.pick(task["id"], line, line["quantity"])


async def pack(run: DemoSession, picker: PickerClient, task: Any, who: str = "picker") -> str:
    """Pack and stage a picked task; returns the handover code."""
    with run.script.does(who, "packs one bag and puts it at the pickup point"):
        packed = await picker.pack(task["id"])
        await picker.stage(task["id"])
    return str(packed["handoverCode"])


async def prepare(
    run: DemoSession, picker: PickerClient, order: PlacedOrder, who: str = "picker"
) -> str:
    """Accept, pick, pack and stage; returns the handover code."""
    task = await accept(run, picker, order, who)
    await pick(run, picker, task, who=who)
    return await pack(run, picker, task, who)


async def rider_online(
    run: DemoSession, place: dict[str, float], who: str = "rider"
) -> RiderClient:
    """A free rider, who goes online at a place."""
    rider = await run.free_rider()
    with run.script.does(who, "goes online"):
        await rider.go_online()
        await rider.report(place["latitude"], place["longitude"])
    return rider


async def enter_store(
    run: DemoSession, rider: RiderClient, picker: PickerClient, order: PlacedOrder
) -> Any:
    """Accept the offer of the order, and enter the store."""
    with run.script.does("rider", f"accepts the offer of {order.code} and enters the store"):
        _, ride = await accept_ride(rider, picker, order.code)
        await rider.arrive_at_store(ride["id"])
    return ride


async def take_bags(
    run: DemoSession, rider: RiderClient, picker: PickerClient, order: PlacedOrder
) -> Any:
    """Prepare an order and hand its bags to a rider who is online; returns the ride."""
    code = await prepare(run, picker, order)
    ride = await enter_store(run, rider, picker, order)
    with run.script.does("rider", "takes the bags by the store's code"):
        await rider.pick_up(ride["id"], code)
    await sees(run, order.watcher, "DELIVERY_PICKED_UP")
    return {**ride, "handoverCode": code}


async def move(rider: RiderClient, start: dict[str, float], end: dict[str, float]) -> None:
    """Go from one place to another on the same street, and report the arrival."""
    meters = abs(end["latitude"] - start["latitude"]) * METERS_PER_DEGREE
    await asyncio.sleep(max(FIRST_REPORT_SECONDS, meters / SPEED_MPS))
    await rider.report(end["latitude"], end["longitude"])


async def deliver(
    run: DemoSession,
    rider: RiderClient,
    ride_id: str,
    order: PlacedOrder,
    start: dict[str, float],
    who: str = "rider",
) -> None:
    """Go to the customer, ring, and hand over by the PIN."""
    with run.script.does(who, "goes to the customer and hands over by the PIN") as came:
        await move(rider, start, order.home)
        await rider.arrive_at_customer(ride_id)
        done = await rider.complete(ride_id, order.pin)
        came.append(done["status"])
    await rider.go_offline()
    await sees(run, order.watcher, "ORDER_COMPLETED")


async def refused(
    run: DemoSession, who: str, words: str, step: Awaitable[Any], code: str
) -> RequestFailed:
    """A step that must be refused with this code, which is a problem's type or an error's code."""
    with run.script.does(who, words) as came:
        try:
            await step
        except RequestFailed as error:
            expect(f"why {who} can't do this ({words})", sorted(set(error.codes)), [code])
            came.append(f"refused: {code}")
            return error
        raise UnexpectedResult(f"the store let it happen: {who} {words}")


async def cancel_packed(run: DemoSession, agent: AgentClient, order: PlacedOrder) -> None:
    """Have support cancel an order that is packed, which its customer can't."""
    await refused(
        run,
        "customer",
        "wants to call the packed order off",
        order.customer.cancel(order.id, "CHANGED_MIND"),
        "InvalidTransition",
    )
    with run.script.does("agent", "is called by the customer and cancels the order") as came:
        came.append((await agent.cancel(order.id, "CHANGED_MIND"))["status"])
    await sees(run, order.watcher, "REFUND_SUCCEEDED")


async def put_back(
    run: DemoSession, picker: PickerClient, order: PlacedOrder, wasted: int = 0, who: str = "picker"
) -> None:
    """Do the only put-back task of an order; so many units can't be sold again."""
    tasks = [one for one in await picker.put_backs() if one["orderCode"] == order.code]
    expect("put-back tasks of the order", len(tasks), 1)
    units = sum(line["quantity"] for line in tasks[0]["putBackLines"])
    words = f"counts {units} units: {units - wasted} are on the shelves again, {wasted} are waste"
    with run.script.does(who, words) as came:
        came.append((await picker.put_back(tasks[0], wasted))["status"])


async def units_on_shelf(picker: PickerClient, products: list[dict[str, Any]]) -> list[int]:
    """The units of each product that the store has."""
    return [int((await picker.stock(one["sku"]))["onHand"]) for one in products]
