"""The card provider is down while the money is to be taken, and everybody keeps asking."""

import asyncio
from contextlib import suppress

from simulators.demo.checks import expect, wait_until
from simulators.demo.session import DemoSession
from simulators.demo.troubles.steps import (
    NEAR_DEGREES,
    SEEN_SECONDS,
    PlacedOrder,
    agent_of,
    cancel_packed,
    customer_near,
    order_and_pay,
    picker_of,
    prepare,
    put_back,
    sees,
)
from simulators.parts.agent import AgentClient
from simulators.parts.device import MutationRejected

CUSTOMER = 22
REFRESHES = 8
REFRESH_SECONDS = 0.25
CAPTURE_SECONDS = 60.0


async def play(run: DemoSession) -> None:
    """A short outage ends by itself; a long one is a case for support."""
    customer, front = await customer_near(run, CUSTOMER, NEAR_DEGREES)
    picker, agent = await picker_of(run, front), await agent_of(run)
    short = await order_and_pay(run, customer, front, name="ORDER 1")
    long = await order_and_pay(run, customer, front, name="ORDER 2")
    with run.script.does("provider", "goes down"):
        await run.provider.set_faults(outage=True)
    for order in (short, long):
        await prepare(run, picker, order)
    await _refresh_all_the_time(run, short)
    await _support_sees(run, long, agent)
    with run.script.does("provider", "is up again"):
        await run.provider.set_faults()
    await _resume(run, long, agent)
    await _captured_once(run, short)
    run.script.says("customer", f"has paid {short.code} without anybody's help")
    expect("cases of the order", await agent.cases(short.id), [])
    for order in (short, long):
        await cancel_packed(run, agent, order)
        await put_back(run, picker, order)


async def _refresh_all_the_time(run: DemoSession, order: PlacedOrder) -> None:
    words = f"refreshes the payment of {order.code} {REFRESHES} times"
    with run.script.does("customer", words) as came:
        for _ in range(REFRESHES):
            with suppress(MutationRejected):  # RateLimited: asked less than a second ago
                await order.customer.refresh(order.id)
            await asyncio.sleep(REFRESH_SECONDS)
        shown = await order.customer.order(order.id)
        expect("the payment during an outage", shown["payment"]["status"], "AUTHORIZED")
        came.append(shown["payment"]["status"])


async def _support_sees(run: DemoSession, order: PlacedOrder, agent: AgentClient) -> None:
    expect("cases after a short outage", await agent.cases(order.id), [])
    words = f"a quarter of an hour passes without an answer for {order.code} (made short)"
    with run.script.does("time", words):
        await run.time.go_unanswered(order.code)
    (case,) = await wait_until(
        "a case about the payment", lambda: agent.cases(order.id), SEEN_SECONDS
    )
    (stuck,) = await agent.stuck_payments(order.id)
    expect("the reason", stuck["stuckReason"], "PROVIDER_UNAVAILABLE")
    run.script.says("agent", f"sees a case of {order.code}: {case['subject']}")
    shown = await order.customer.order(order.id)
    expect("the stage of the order", shown["stage"], "PACKED")
    run.script.says("customer", f"sees nothing of it: {shown['stage']}")


async def _resume(run: DemoSession, order: PlacedOrder, agent: AgentClient) -> None:
    (stuck,) = await agent.stuck_payments(order.id)
    with run.script.does("agent", f"has the payment of {order.code} tried at once"):
        await agent.resume(stuck["id"])
    await _captured_once(run, order)
    expect("payments that need a person", await agent.stuck_payments(order.id), [])
    expect("cases of the order", await agent.cases(order.id), [])
    run.script.says("agent", "sees that the case has closed itself")


async def _captured_once(run: DemoSession, order: PlacedOrder) -> None:
    await sees(run, order.watcher, "PAYMENT_CAPTURED", CAPTURE_SECONDS)
    expect("captures of the order", order.watcher.count("PAYMENT_CAPTURED"), 1)
    received = await run.provider.received_minor(order.intent_id)
    expect("what the provider has charged", received, order.total_minor)
