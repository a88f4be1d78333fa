"""The rider's phone dies with the bags on the way: support finds another rider."""

from typing import Any

from simulators.demo.checks import expect, wait_until
from simulators.demo.session import DemoSession
from simulators.demo.troubles.steps import (
    NEAR_DEGREES,
    SEEN_SECONDS,
    PlacedOrder,
    agent_of,
    customer_near,
    deliver,
    order_and_pay,
    picker_of,
    refused,
    rider_online,
    sees,
    take_bags,
)
from simulators.parts.agent import AgentClient
from simulators.parts.rider import RiderClient

CUSTOMER = 23
CASE_SECONDS = 45.0


async def play(run: DemoSession) -> None:
    """The silence opens a case, the ride goes to a second rider, who delivers with the PIN."""
    customer, front = await customer_near(run, CUSTOMER, NEAR_DEGREES)
    picker, agent = await picker_of(run, front), await agent_of(run)
    order = await order_and_pay(run, customer, front)
    silent = await rider_online(run, order.store["location"])
    ride = await take_bags(run, silent, picker, order)
    await _fall_silent(run, order, agent)
    other = await _give_to_another(run, order, ride, agent)
    words = "is back and wants to complete the ride"
    step = silent.complete(ride["id"], order.pin)
    await refused(run, "rider", words, step, "NotFound")
    await deliver(run, other, ride["id"], order, order.store["location"], "rider 2")
    expect("cases of the order", await agent.cases(order.id), [])
    await silent.go_offline()


async def _fall_silent(run: DemoSession, order: PlacedOrder, agent: AgentClient) -> None:
    words = "the rider's phone is dead for nine minutes (made short)"
    with run.script.does("time", words):
        await run.time.be_silent(order.code)
    await sees(run, order.watcher, "DELIVERY_RIDER_SILENT", CASE_SECONDS)
    (case,) = await wait_until(
        "a case about the rider", lambda: agent.cases(order.id), SEEN_SECONDS
    )
    expect("the kind of the case", case["category"], "RIDER_SILENT")
    run.script.says("agent", f"sees a case: {case['subject']}")


async def _give_to_another(
    run: DemoSession, order: PlacedOrder, ride: Any, agent: AgentClient
) -> RiderClient:
    other = await rider_online(run, order.store["location"], "rider 2")
    rider_id = (await other.desk())["rider"]["id"]
    with run.script.does("agent", "gives the ride to rider 2, who meets the first one") as came:
        given = await agent.reassign(ride["id"], rider_id, "The phone of the first rider is dead.")
        came.append(given["status"])
    await sees(run, order.watcher, "DELIVERY_REASSIGNED")
    current = (await other.desk())["currentDelivery"]
    expect("the ride of rider 2", current and current["id"], ride["id"])
    return other
