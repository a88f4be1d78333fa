"""Three rules that no role gets around: the age at the door, own orders, other stores."""

import uuid
from typing import Any

from simulators.demo.session import PASSWORD, DemoSession
from simulators.demo.troubles.steps import (
    ADMIN,
    NEAR_DEGREES,
    PlacedOrder,
    agent_of,
    customer_near,
    move,
    order_and_pay,
    picker_of,
    refused,
    rider_online,
    sees,
    take_bags,
)
from simulators.parts.administrator import ACCEPT_INVITATION, AdministratorClient
from simulators.parts.agent import AgentClient
from simulators.parts.customer import CustomerClient
from simulators.parts.picker import PickerClient

CUSTOMER = 28
EMAIL = f"customer{CUSTOMER}@mail.example"
OTHER_STORE = "staff2.1@harbour.example"
OTHER_COMPANY = "staff1.1@peak.example"
REFUND_MINOR = 100
NODE = "query Node($id: ID!) { node(id: $id) { id } }"


async def play(run: DemoSession) -> None:
    """A case of beer is ordered by somebody who also works in support."""
    customer, front = await customer_near(run, CUSTOMER, NEAR_DEGREES)
    picker = await picker_of(run, front)
    beer = await _beer(customer)
    words = "orders beer without saying that they are old enough"
    lines = [{"productId": beer["id"], "quantity": 2}]
    step = customer.place(uuid.uuid4().hex, lines=lines, ageConfirmed=False)
    await refused(run, "customer", words, step, "AgeConfirmationRequired")
    order = await order_and_pay(run, customer, front, [beer])
    await _other_stores(run, order)
    await _age_check(run, order, picker)
    await _own_order(run, order, customer)


async def _beer(customer: CustomerClient) -> dict[str, Any]:
    """The dearest beer in stock: two of it reach the minimum of an order."""
    found = await customer.search("beer")
    beers = [one for one in found if one["ageRestricted"] and one["availability"] == "IN_STOCK"]
    return max(beers, key=lambda one: int(one["price"]["minorUnits"]))


async def _other_stores(run: DemoSession, order: PlacedOrder) -> None:
    for who, email in (("store 2", OTHER_STORE), ("rival", OTHER_COMPANY)):
        stranger = await run.app(PickerClient, email)
        step = stranger.recipient(order.id)
        await refused(run, who, "asks for the order", step, "NOT_FOUND")
        step = stranger.graph.run(NODE, id=order.id)
        await refused(run, who, "asks for it as a node", step, "NOT_FOUND")


async def _age_check(run: DemoSession, order: PlacedOrder, picker: PickerClient) -> None:
    rider = await rider_online(run, order.store["location"])
    ride = await take_bags(run, rider, picker, order)
    with run.script.does("rider", "rings the bell"):
        await move(rider, order.store["location"], order.home)
        await rider.ring(ride["id"])
    words = "hands over by the PIN without a look at a document"
    await refused(run, "rider", words, rider.complete(ride["id"], order.pin), "InvalidTransition")
    with run.script.does("rider", "sees an identity card: old enough"):
        await rider.check_age(ride["id"])
    with run.script.does("rider", "hands over by the PIN") as came:
        came.append((await rider.complete(ride["id"], order.pin))["status"])
    await rider.go_offline()
    await sees(run, order.watcher, "ORDER_COMPLETED")


async def _own_order(run: DemoSession, order: PlacedOrder, customer: CustomerClient) -> None:
    admin = await run.app(AdministratorClient, ADMIN)
    company = await admin.company_id()
    with run.script.does("admin", "makes the customer a support agent, by an invitation"):
        invitation_id = await admin.invite("SUPPORT_AGENT", EMAIL, companyId=company)
        given = {"invitationId": invitation_id}
        await customer.do(ACCEPT_INVITATION, "invitationAccept", given)
    try:
        await _refund(run, order)
    finally:
        with run.script.does("admin", "takes the role away again"):
            await admin.revoke(await admin.grant(invitation_id, companyId=company))


async def _refund(run: DemoSession, order: PlacedOrder) -> None:
    colleague = AgentClient(run.graph())
    await colleague.sign_in(EMAIL, PASSWORD)
    step = colleague.refund(order.id, REFUND_MINOR)
    await refused(run, "colleague", "refunds the own order", step, "InvalidTransition")
    agent = await agent_of(run)
    with run.script.does("agent", "refunds it, being another person") as came:
        came.append((await agent.refund(order.id, REFUND_MINOR))["status"])
    await sees(run, order.watcher, "REFUND_SUCCEEDED")
