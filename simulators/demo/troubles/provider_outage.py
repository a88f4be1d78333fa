"""The card provider is down while the money is to be taken, and everybody keeps asking."""

import asyncio
from contextlib import suppress

from simulators.demo.checks import expect, wait_until
from simulators.demo.session import DemoSession
from simulators.demo.troubles.steps import (
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
    customer, front = await customer_near(run, CUSTOMER, 0.001)
    picker, agent = await picker_of(run, front), await agent_of(run)
    order = await order_and_pay(run, customer, front)
    with run.script.does("provider", "goes down"):
        await run.provider.set_faults(outage=True)
    await prepare(run, picker, order)
    await _refresh_all_the_time(run, order)
    await _support_sees(run, order, agent)
    with run.script.does("provider", "is up again"):
        await run.provider.set_faults()
    payment_id = (await agent.stuck_payments(order.id))[0]["id"]
    with run.script.does("agent", "has the payment tried at once"):
        await agent.resume(payment_id)
    await sees(run, order.watcher, "PAYMENT_CAPTURED", CAPTURE_SECONDS)
    await _nothing_is_left(run, order, agent)
    await cancel_packed(run, agent, order)
    await put_back(run, picker, order)


async def _refresh_all_the_time(run: DemoSession, order: PlacedOrder) -> None:
    with run.script.does("customer", f"refreshes the payment {REFRESHES} times") as came:
        for _ in range(REFRESHES):
            with suppress(MutationRejected):  # RateLimited: asked less than a second ago
                await order.customer.refresh(order.id)
            await asyncio.sleep(REFRESH_SECONDS)
        shown = await order.customer.order(order.id)
        expect("the payment during an outage", shown["payment"]["status"], "AUTHORIZED")
        came.append(shown["payment"]["status"])


async def _support_sees(run: DemoSession, order: PlacedOrder, agent: AgentClient) -> None:
    expect("cases after a short outage", await agent.cases(order.id), [])
    with run.script.does("time", "a quarter of an hour passes without an answer (made short)"):
        await run.time.go_unanswered(order.code)
    (case,) = await wait_until(
        "a case about the payment", lambda: agent.cases(order.id), SEEN_SECONDS
    )
    (stuck,) = await agent.stuck_payments(order.id)
    expect("the reason", stuck["stuckReason"], "PROVIDER_UNAVAILABLE")
    run.script.says("agent", f"sees a case: {case['subject']}")
    shown = await order.customer.order(order.id)
    expect("the stage of the order", shown["stage"], "PACKED")
    run.script.says("customer", f"sees nothing of it: {shown['stage']}")


async def _nothing_is_left(run: DemoSession, order: PlacedOrder, agent: AgentClient) -> None:
    expect("captures of the order", order.watcher.count("PAYMENT_CAPTURED"), 1)
    received = await run.provider.received_minor(order.intent_id)
    expect("what the provider has charged", received, order.total_minor)
    expect("payments that need a person", await agent.stuck_payments(order.id), [])
    expect("cases of the order", await agent.cases(order.id), [])
    run.script.says("agent", "sees that the case has closed itself")
