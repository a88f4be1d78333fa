"""The store does not find what it should have: the order moves to the next store."""

from typing import Any

from simulators.demo.checks import expect
from simulators.demo.session import DemoSession
from simulators.demo.troubles.steps import (
    ADDRESS,
    NEAR_DEGREES,
    PlacedOrder,
    administrator_of,
    agent_of,
    cancel_packed,
    choose,
    customer_near,
    find_task,
    order_and_pay,
    picker_of,
    prepare,
    put_back,
    refused,
    sees,
    units_on_shelf,
)
from simulators.parts.picker import PickerClient

CUSTOMER = 25
TASK = "query Task($id: ID!) { fulfillment(id: $id) { id status customerName } }"


async def play(run: DemoSession) -> None:
    """The first store loses the order and the customer's data, and counts what it lacks."""
    customer, front = await customer_near(run, CUSTOMER, NEAR_DEGREES)
    picker = await picker_of(run, front)
    products = choose(front)
    before = await units_on_shelf(picker, products)
    order = await order_and_pay(run, customer, front, products)
    promised = (await customer.record(order.id))["promisedAt"]
    await _sees_customer(run, picker, order)
    task = await find_task(picker, order)
    await _reject(run, picker, order, task)
    record = await _moved(run, order, promised)
    await _lost_sight(run, picker, order, task)
    await _second_store(run, order, record["store"])
    await _count(run, front, order, before)


async def _sees_customer(run: DemoSession, picker: PickerClient, order: PlacedOrder) -> None:
    record = await picker.recipient(order.id)
    expect("the address that the store sees", record["addressLine"], ADDRESS)
    expect("the store sees a name", bool(record["customerName"]), True)
    run.script.says("picker", "sees name and address of the order")


async def _reject(run: DemoSession, picker: PickerClient, order: PlacedOrder, task: Any) -> None:
    missing = _line_of(task, order.products[0])
    with run.script.does("picker", "finds none of one product and rejects the order") as came:
        rejected = await picker.reject(task["id"], "OUT_OF_STOCK", [missing["id"]])
        came.append(f"{rejected['status']}, {rejected['rejectReason']}")
    availability = await order.customer.availability(order.products[0]["id"])
    expect("the availability of the missing product", availability, "OUT_OF_STOCK")
    run.script.says("customer", f"sees the missing product in the storefront as {availability}")


def _line_of(task: Any, product: dict[str, Any]) -> Any:
    return next(line for line in task["lines"] if line["product"]["sku"] == product["sku"])


async def _moved(run: DemoSession, order: PlacedOrder, promised: str) -> Any:
    await sees(run, order.watcher, "ORDER_REROUTED")
    record = await order.customer.record(order.id)
    expect("the order is in another store", record["store"]["id"] == order.store["id"], False)
    expect("the promise is a new one", record["promisedAt"] == promised, False)
    run.script.says("customer", f"sees another store and a new promise: {record['status']}")
    return record


async def _lost_sight(
    run: DemoSession, picker: PickerClient, order: PlacedOrder, task: Any
) -> None:
    words = "wants to read name and address again"
    await refused(run, "picker", words, picker.recipient(order.id), "NOT_FOUND")
    shown = (await picker.graph.run(TASK, id=task["id"]))["fulfillment"]
    expect("the name at the first store's task", shown["customerName"] or "", "")
    run.script.says("picker", f"has the task without a name: {shown['status']}")


async def _second_store(run: DemoSession, order: PlacedOrder, store: Any) -> None:
    number = int(store["code"][1:])
    email = f"staff{number}.1@harbour.example"
    second = await picker_of(run, {"store": store}, email)
    await prepare(run, second, order, "picker 2")
    await sees(run, order.watcher, "PAYMENT_CAPTURED")
    await cancel_packed(run, await agent_of(run), order)
    await put_back(run, second, order, who="picker 2")


async def _count(run: DemoSession, front: Any, order: PlacedOrder, before: list[int]) -> None:
    manager = await administrator_of(run, front)
    counts = [one for one in await manager.counts() if order.code in one["note"]]
    expect("counts that the rejection has opened", len(counts), 1)
    run.script.says("manager", f"sees a count: {counts[0]['note']}")
    with run.script.does("manager", "finds all units behind another box") as came:
        counted = await manager.count(counts[0]["id"], {order.products[0]["sku"]: before[0]})
        came.append(counted["status"])
    units = await units_on_shelf(manager, order.products)
    expect("units in the first store after the count", units, before)
    availability = await order.customer.availability(order.products[0]["id"])
    run.script.says("customer", f"sees the product in the storefront as {availability}")
