"""An order is called off when its bags are packed: a person puts the units back."""

from simulators.demo.checks import expect
from simulators.demo.session import DemoSession
from simulators.demo.troubles.steps import (
    NEAR_DEGREES,
    QUANTITY,
    agent_of,
    cancel_packed,
    choose,
    customer_near,
    order_and_pay,
    picker_of,
    prepare,
    put_back,
    sees,
    units_on_shelf,
)

CUSTOMER = 26
WASTED = 1


async def play(run: DemoSession) -> None:
    """The stock changes when the units are counted, not when the order is canceled."""
    customer, front = await customer_near(run, CUSTOMER, NEAR_DEGREES)
    picker = await picker_of(run, front)
    products = choose(front)
    before = await units_on_shelf(picker, products)
    order = await order_and_pay(run, customer, front, products)
    await prepare(run, picker, order)
    await sees(run, order.watcher, "PAYMENT_CAPTURED")
    await cancel_packed(run, await agent_of(run), order)
    units = await units_on_shelf(picker, products)
    expect("units before the count", units, [one - QUANTITY for one in before])
    run.script.says("picker", "sees no unit on sale before the count")
    await put_back(run, picker, order, WASTED)
    left = sum(await units_on_shelf(picker, products))
    expect("units after the count", left, sum(before) - WASTED)
    refunded = (await customer.record(order.id))["payment"]["refundedAmount"]["minorUnits"]
    expect("what was refunded", refunded, order.total_minor)
    run.script.says("customer", "has all the money back")
