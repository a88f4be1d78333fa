"""The bank's promise to pay ends before the capture: once confirmed again, once not."""

from simulators.demo.checks import expect
from simulators.demo.session import DemoSession
from simulators.demo.troubles.steps import (
    CARD,
    NEAR_DEGREES,
    PlacedOrder,
    accept,
    customer_near,
    deliver,
    enter_store,
    order_and_pay,
    pack,
    pick,
    picker_of,
    put_back,
    refused,
    rider_online,
    sees,
)
from simulators.parts.picker import PickerClient

CUSTOMER = 21


async def play(run: DemoSession) -> None:
    """One order goes on after a second payment, the other one is canceled."""
    customer, front = await customer_near(run, CUSTOMER, NEAR_DEGREES)
    picker = await picker_of(run, front)
    await _confirmed_again(run, await order_and_pay(run, customer, front, name="ORDER 1"), picker)
    await _not_confirmed(run, await order_and_pay(run, customer, front, name="ORDER 2"), picker)


async def _confirmed_again(run: DemoSession, order: PlacedOrder, picker: PickerClient) -> None:
    rider = await rider_online(run, order.store["location"])
    task = await accept(run, picker, order)
    await pick(run, picker, task, 1)
    await _lose(run, order)
    await pick(run, picker, task)
    code = await pack(run, picker, task)
    ride = await enter_store(run, rider, picker, order)
    words = "gives the right code to get the bags"
    await refused(run, "rider", words, rider.pick_up(ride["id"], code), "InvalidTransition")
    intent_id = await _confirm(run, order)
    await sees(run, order.watcher, "PAYMENT_CAPTURED")
    with run.script.does("rider", "gives the code again and takes the bags"):
        await rider.pick_up(ride["id"], code)
    await deliver(run, rider, ride["id"], order, order.store["location"])
    await _charged_once(run, order, intent_id)


async def _lose(run: DemoSession, order: PlacedOrder) -> None:
    with run.script.does("provider", "ends the authorization while the picker picks"):
        await run.provider.end_authorization(order.intent_id)
    await sees(run, order.watcher, "PAYMENT_REOPENED")
    shown = await order.customer.order(order.id)
    expect("the stage of an order with a lost payment", shown["stage"], "AWAITING_PAYMENT")
    expect("PAY is offered", "PAY" in shown["availableActions"], True)
    run.script.says("customer", f"is asked to pay the same order again: {shown['stage']}")


async def _confirm(run: DemoSession, order: PlacedOrder) -> str:
    """Pay the second attempt; returns its id at the provider."""
    payment = (await order.customer.record(order.id))["payment"]
    with run.script.does("customer", "confirms the payment again by card") as came:
        came.append(await order.customer.pay(payment, run.card_provider, CARD))
    await sees(run, order.watcher, "PAYMENT_RENEWED")
    return str(payment["clientSecret"].split("_secret_")[0])


async def _charged_once(run: DemoSession, order: PlacedOrder, intent_id: str) -> None:
    record = await order.customer.record(order.id)
    expect(
        "what was captured", record["payment"]["capturedAmount"]["minorUnits"], order.total_minor
    )
    expect("captures of the order", order.watcher.count("PAYMENT_CAPTURED"), 1)
    received = [await run.provider.received_minor(one) for one in (order.intent_id, intent_id)]
    expect("what the provider has charged", received, [0, order.total_minor])
    run.script.says("provider", "has charged the total once, by the second authorization")


async def _not_confirmed(run: DemoSession, order: PlacedOrder, picker: PickerClient) -> None:
    task = await accept(run, picker, order)
    await pick(run, picker, task)
    await _lose(run, order)
    with run.script.does("time", "five minutes pass without a payment (made short)"):
        await run.time.end_payment_deadline(order.code)
    await sees(run, order.watcher, "ORDER_CANCELED")
    record = await order.customer.record(order.id)
    expect("the reason", record["cancelReason"], "PAYMENT_LOST")
    expect(
        "what was charged",
        [one["capturedAmount"]["minorUnits"] for one in record["payments"]],
        [0, 0],
    )
    run.script.says("customer", f"pays nothing: {record['status']}, {record['cancelReason']}")
    await put_back(run, picker, order)
