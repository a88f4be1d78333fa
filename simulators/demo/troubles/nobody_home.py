"""Nobody opens the door: the bags come back, and the store counts them."""

from typing import Any

from simulators.demo.checks import expect
from simulators.demo.session import DemoSession
from simulators.demo.troubles.steps import (
    FAR_DEGREES,
    PlacedOrder,
    customer_near,
    move,
    order_and_pay,
    picker_of,
    put_back,
    refused,
    rider_online,
    sees,
    take_bags,
    units_on_shelf,
)
from simulators.parts.picker import PickerClient
from simulators.parts.rider import RiderClient

CUSTOMER = 24


async def play(run: DemoSession) -> None:
    """The wait and the call are proved, the return by a new code at the store."""
    customer, front = await customer_near(run, CUSTOMER, FAR_DEGREES)
    picker = await picker_of(run, front)
    order = await order_and_pay(run, customer, front)
    before = [units + 2 for units in await units_on_shelf(picker, order.products)]
    rider = await rider_online(run, order.store["location"])
    ride = await take_bags(run, rider, picker, order)
    await _give_up(run, rider, ride, order)
    await _bring_back(run, rider, ride, order, picker)
    units = await units_on_shelf(picker, order.products)
    expect("units before the count", units, [one - 2 for one in before])
    await put_back(run, picker, order)
    expect("units after the count", await units_on_shelf(picker, order.products), before)
    run.script.says("picker", "sees the units on sale again, as many as before the order")
    await _refunded(run, order)


async def _give_up(run: DemoSession, rider: RiderClient, ride: Any, order: PlacedOrder) -> None:
    with run.script.does("rider", "goes to the customer and rings"):
        await move(rider, order.store["location"], order.home)
        await rider.ring(ride["id"])
    words = "calls once and wants to give up at once"
    step = rider.fail(ride["id"], "RECIPIENT_UNAVAILABLE", 1)
    await refused(run, "rider", words, step, "NoShowWaitRequired")
    with run.script.does("time", "six minutes pass at the door (made short)"):
        await run.time.wait_at_the_door(order.code)
    step = rider.fail(ride["id"], "RECIPIENT_UNAVAILABLE", 0)
    await refused(run, "rider", "gives up without a call", step, "ProofMissing")
    with run.script.does("rider", "calls and gives up") as came:
        came.append((await rider.fail(ride["id"], "RECIPIENT_UNAVAILABLE", 1))["status"])
    with run.script.does("rider", "starts the way back") as came:
        came.append((await rider.start_return(ride["id"]))["status"])
    await sees(run, order.watcher, "DELIVERY_RETURNING")


async def _bring_back(
    run: DemoSession, rider: RiderClient, ride: Any, order: PlacedOrder, picker: PickerClient
) -> None:
    code = await picker.return_code(ride["id"])
    expect("the digits of the return code", len(code), 4)
    run.script.says("picker", "sees a new code for the return")
    words = "claims the return from the customer's door, with the right code"
    await refused(run, "rider", words, rider.bring_back(ride["id"], code), "TooFar")
    await move(rider, order.home, order.store["location"])
    step = rider.bring_back(ride["id"], ride["handoverCode"])
    words = "gives the code of the pickup at the store"
    await refused(run, "rider", words, step, "InvalidHandoverCode")
    with run.script.does("rider", "gives the new code at the store") as came:
        came.append((await rider.bring_back(ride["id"], code))["status"])
    await rider.go_offline()
    await sees(run, order.watcher, "ORDER_CANCELED")


async def _refunded(run: DemoSession, order: PlacedOrder) -> None:
    await sees(run, order.watcher, "REFUND_SUCCEEDED")
    record = await order.customer.record(order.id)
    fee = record["deliveryFee"]["minorUnits"]
    expect("a delivery fee was charged", fee > 0, True)
    expect(
        "what was refunded",
        record["payment"]["refundedAmount"]["minorUnits"],
        order.total_minor - fee,
    )
    expect("the reason", record["cancelReason"], "DELIVERY_FAILED")
    run.script.says("customer", "has the money back, less the delivery fee")
