"""A new picker joins, watches the queue, and is dismissed while the socket is open."""

import asyncio
import uuid
from contextlib import suppress
from typing import Any

from simulators.client import RequestFailed
from simulators.demo.checks import UnexpectedResult, expect, wait_until
from simulators.demo.session import DemoSession
from simulators.demo.troubles.steps import (
    NEAR_DEGREES,
    SEEN_SECONDS,
    accept,
    administrator_of,
    customer_near,
    order_and_pay,
    pick,
    picker_of,
    put_back,
    refused,
)
from simulators.parts.administrator import ACCEPT_INVITATION, AdministratorClient
from simulators.parts.picker import ACCEPT, PickerClient

CUSTOMER = 27
PASSWORD = "a-newcomer-of-the-demo-1"  # noqa: S105 - of an account that lives for one chapter
REVOKED_SECONDS = 10.0  # the product says 5, a busy machine may need more


async def play(run: DemoSession) -> None:
    """The stream ends by itself, and nothing on the same socket works any more."""
    customer, front = await customer_near(run, CUSTOMER, NEAR_DEGREES)
    picker, manager = await picker_of(run, front), await administrator_of(run, front)
    newcomer, invitation_id = await _join(run, manager)
    ended = asyncio.Event()
    messages: list[Any] = []
    following = asyncio.create_task(_follow(newcomer, messages, ended))
    order = await order_and_pay(run, customer, front)
    await _sees_order(run, messages, order.code)
    await _dismiss(run, manager, invitation_id, ended)
    await asyncio.gather(following, return_exceptions=True)
    task = next(one for one in await picker.queue() if one["orderCode"] == order.code)
    step = _on_socket(newcomer, ACCEPT, {"fulfillmentId": task["id"]})
    words = "accepts the order on the same socket"
    await refused(run, "newcomer", words, step, "FORBIDDEN")
    expect("sockets of the newcomer", newcomer.graph.opened_sockets, 1)
    accepted = await accept(run, picker, order)
    await pick(run, picker, accepted)
    with run.script.does("customer", "calls the order off") as came:
        came.append((await customer.cancel(order.id, "CHANGED_MIND"))["status"])
    await put_back(run, picker, order)


async def _join(run: DemoSession, manager: AdministratorClient) -> tuple[PickerClient, str]:
    email = f"newcomer-{uuid.uuid4().hex[:12]}@mail.example"
    with run.script.does("manager", "invites a new picker by e-mail"):
        where = {"companyId": await manager.company_id(), "storeId": manager.store_id}
        invitation_id = await manager.invite("STORE_STAFF", email, **where)
    token = await run.mails.link_key(email)
    newcomer = PickerClient(run.graph())
    with run.script.does("newcomer", "opens the link and accepts") as came:
        given = {"token": token, "password": PASSWORD, "name": "Nova"}
        payload = await newcomer.do(ACCEPT_INVITATION, "invitationAccept", given)
        came.append(payload["invitation"]["status"])
    newcomer = await run.app(PickerClient, email, PASSWORD)
    newcomer.store_id = manager.store_id
    return newcomer, invitation_id


async def _follow(newcomer: PickerClient, messages: list[Any], ended: asyncio.Event) -> None:
    with suppress(RequestFailed):
        async for message in newcomer.watch():
            messages += [message]
    ended.set()


async def _sees_order(run: DemoSession, messages: list[Any], code: str) -> None:
    async def is_there() -> bool:
        return any(
            one["fulfillment"] and one["fulfillment"]["orderCode"] == code for one in messages
        )

    await wait_until("the newcomer sees the order", is_there, SEEN_SECONDS)
    run.script.says("newcomer", f"sees {code} come into the queue")


async def _dismiss(
    run: DemoSession, manager: AdministratorClient, invitation_id: str, ended: asyncio.Event
) -> None:
    grant_id = await manager.grant(invitation_id, storeId=manager.store_id)
    with run.script.does("manager", "dismisses the newcomer") as came:
        came.append((await manager.revoke(grant_id))["role"])
    try:
        async with asyncio.timeout(REVOKED_SECONDS):
            with run.script.does("newcomer", "sees the stream end by itself"):
                await ended.wait()
    except TimeoutError:
        raise UnexpectedResult("the stream of a dismissed picker goes on") from None


async def _on_socket(newcomer: PickerClient, document: str, given: dict[str, Any]) -> None:
    async for data in newcomer.graph.watch(document, input=given):
        expect("what a dismissed picker may do", data, None)
