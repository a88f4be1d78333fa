"""Tickets through the graph: the client operations as they stand, and what strangers get."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from database.sessions import Database
from models.orders import Order
from tests.support.city import City
from tests.support.customers import people
from tests.support.graph_queries import Asking, Told, id_of, statements
from tests.support.paid_orders import Doors, opened
from tests.support.paths import OPERATIONS
from tests.support.tickets import agent, buyer, charged

READING_STATEMENTS = {"ticket_detail": 12, "ticket_queue": 8, "ticket_history": 2}


@pytest.fixture
async def doors(database: Database) -> AsyncIterator[Doors]:
    async with opened(database) as doors:
        yield doors


@pytest.fixture
async def order(doors: Doors, city: City) -> Order:
    return await charged(doors, city)


def operation(name: str) -> tuple[str, dict[str, Any]]:
    """A document and its variables, as they are handed to client engineers."""
    file = OPERATIONS / f"{name}.graphql"
    return file.read_text(), json.loads(file.with_suffix(".json").read_text())


async def run(ask: Asking, name: str, actor: Any, **changes: Any) -> Told:
    document, variables = operation(name)
    if "input" in variables:
        variables["input"] |= changes
    else:
        variables |= changes
    return await ask(document, variables, actor)


async def test_a_ticket_from_complaint_to_refund(
    ask: Asking, database: Database, city: City, order: Order
) -> None:
    customer, support = buyer(order), await agent(database, city)
    told = await run(ask, "ticket_open", customer, orderId=id_of(order))
    assert told.data["ticketOpen"]["errors"] == []
    ticket = told.data["ticketOpen"]["ticket"]
    assert (ticket["status"], ticket["availableActions"]) == ("OPEN", ["REPLY"])
    told = await run(ask, "ticket_assign", support, ticketId=ticket["id"])
    assert told.data["ticketAssign"]["ticket"]["priority"] == "HIGH"
    assert told.data["ticketAssign"]["ticket"]["assignee"]["name"] == "Person 0"
    told = await run(ask, "ticket_reply", support, ticketId=ticket["id"])
    said = told.data["ticketReply"]["ticket"]["messages"]
    assert [one["authorRole"] for one in said] == ["CUSTOMER", "SUPPORT_AGENT"]
    told = await run(ask, "ticket_resolve", support, ticketId=ticket["id"])
    (refund,) = told.data["ticketResolve"]["ticket"]["refunds"]
    assert (refund["amount"]["minor"], refund["status"]) == (398, "REQUESTED")
    told = await run(ask, "ticket_detail", customer, id=ticket["id"])
    assert not told.errors
    assert told.data["ticket"]["status"] == "RESOLVED"
    assert told.data["ticket"]["order"]["code"] == order.code
    told = await run(ask, "ticket_history", customer)
    assert [one["id"] for one in told.data["ownTickets"]["nodes"]] == [ticket["id"]]


async def test_a_refund_beyond_what_was_taken_is_a_typed_error(
    ask: Asking, database: Database, city: City, order: Order
) -> None:
    customer, support = buyer(order), await agent(database, city)
    ticket = (await run(ask, "ticket_open", customer, orderId=id_of(order))).data["ticketOpen"]
    back = {"amountMinor": 10**9, "reason": "GOODWILL"}
    given = {"ticketId": ticket["ticket"]["id"], "refund": back}
    told = await run(ask, "ticket_resolve", support, **given)
    (error,) = told.data["ticketResolve"]["errors"]
    assert error["__typename"] == "ExceedsCaptured"
    assert error["path"] == ["input", "refund", "amountMinor"]
    assert error["remainingMinor"] == order.total_minor
    assert told.data["ticketResolve"]["ticket"] is None


async def test_the_same_complaint_with_one_key_is_one_ticket(ask: Asking, order: Order) -> None:
    document, variables = operation("ticket_open")
    variables["input"]["orderId"] = id_of(order)
    told = [
        await ask(document, variables, buyer(order), idempotency_key="complaint-1")
        for _ in range(2)
    ]
    first, second = (one.data["ticketOpen"]["ticket"]["id"] for one in told)
    assert first == second
    assert told[1].extensions["replayed"] == ["complaint-1"]


async def test_strangers_find_nothing(
    ask: Asking, database: Database, city: City, order: Order
) -> None:
    told = await run(ask, "ticket_open", buyer(order), orderId=id_of(order))
    ticket = told.data["ticketOpen"]["ticket"]["id"]
    (other,) = await people(database)
    told = await run(ask, "ticket_detail", other, id=ticket)
    assert (told.data["ticket"], told.codes) == (None, ["NOT_FOUND"])
    for name, changes in (
        ("ticket_open", {"orderId": id_of(order)}),
        ("ticket_reply", {"ticketId": ticket}),
    ):
        told = await run(ask, name, other, **changes)
        (payload,) = told.data.values()
        assert [error["__typename"] for error in payload["errors"]] == ["NotFound"]
    for name in ("ticket_queue", "ticket_assign", "ticket_resolve"):
        assert (await run(ask, name, other)).codes == ["FORBIDDEN"]
    for name in ("ticket_open", "ticket_reply"):
        told = await run(ask, name, other)
        (payload,) = told.data.values()
        assert [error["__typename"] for error in payload["errors"]] == ["NotFound"]


async def test_reading_tickets_keeps_its_budget_of_statements(
    ask: Asking, database: Database, city: City, order: Order
) -> None:
    customer, support = buyer(order), await agent(database, city)
    made = [await run(ask, "ticket_open", customer, orderId=id_of(order)) for _ in range(3)]
    ids = [one.data["ticketOpen"]["ticket"]["id"] for one in made]
    for name, actor, changes in (
        ("ticket_detail", customer, {"id": ids[0]}),
        ("ticket_queue", support, {}),
        ("ticket_history", customer, {}),
    ):
        with statements(database) as sent:
            told = await run(ask, name, actor, **changes)
        assert not told.errors, told.errors
        assert len(sent) <= READING_STATEMENTS[name], (name, len(sent))
