"""Tickets through the graph: the published client operations, and access of other people."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from database.sessions import Database
from models.orders import Order
from tests.support.city import City
from tests.support.customers import create_people
from tests.support.graph_queries import GraphAnswer, GraphRunner, public_id, record_statements
from tests.support.paid_orders import OrderDependencies, order_dependencies
from tests.support.paths import OPERATIONS
from tests.support.tickets import create_agent, create_captured_order, customer_of

READING_STATEMENTS = {"ticket_detail": 12, "ticket_queue": 8, "ticket_history": 2}


@pytest.fixture
async def dependencies(database: Database) -> AsyncIterator[OrderDependencies]:
    async with order_dependencies(database) as dependencies:
        yield dependencies


@pytest.fixture
async def order(dependencies: OrderDependencies, city: City) -> Order:
    return await create_captured_order(dependencies, city)


def operation(name: str) -> tuple[str, dict[str, Any]]:
    """A published document and its example variables."""
    file = OPERATIONS / f"{name}.graphql"
    return file.read_text(), json.loads(file.with_suffix(".json").read_text())


async def run(ask: GraphRunner, name: str, actor: Any, **changes: Any) -> GraphAnswer:
    document, variables = operation(name)
    if "input" in variables:
        variables["input"] |= changes
    else:
        variables |= changes
    return await ask(document, variables, actor)


async def test_a_ticket_is_opened_answered_and_resolved_with_a_refund(
    ask: GraphRunner, database: Database, city: City, order: Order
) -> None:
    customer, support = customer_of(order), await create_agent(database, city)
    answer = await run(ask, "ticket_open", customer, orderId=public_id(order))
    assert answer.data["ticketOpen"]["errors"] == []
    ticket = answer.data["ticketOpen"]["ticket"]
    assert (ticket["status"], ticket["availableActions"]) == ("OPEN", ["REPLY"])
    answer = await run(ask, "ticket_assign", support, ticketId=ticket["id"])
    assert answer.data["ticketAssign"]["ticket"]["priority"] == "HIGH"
    assert answer.data["ticketAssign"]["ticket"]["assignee"]["name"] == "Person 0"
    answer = await run(ask, "ticket_reply", support, ticketId=ticket["id"])
    messages = answer.data["ticketReply"]["ticket"]["messages"]
    assert [one["authorRole"] for one in messages] == ["CUSTOMER", "SUPPORT_AGENT"]
    answer = await run(ask, "ticket_resolve", support, ticketId=ticket["id"])
    (refund,) = answer.data["ticketResolve"]["ticket"]["refunds"]
    assert (refund["amount"]["minorUnits"], refund["status"]) == (398, "REQUESTED")
    answer = await run(ask, "ticket_detail", customer, id=ticket["id"])
    assert not answer.errors
    assert answer.data["ticket"]["status"] == "RESOLVED"
    assert answer.data["ticket"]["order"]["code"] == order.code
    answer = await run(ask, "ticket_history", customer)
    assert [one["id"] for one in answer.data["ownTickets"]["nodes"]] == [ticket["id"]]


async def test_a_refund_beyond_the_captured_amount_is_a_typed_error(
    ask: GraphRunner, database: Database, city: City, order: Order
) -> None:
    customer, support = customer_of(order), await create_agent(database, city)
    ticket = (await run(ask, "ticket_open", customer, orderId=public_id(order))).data["ticketOpen"]
    refund = {"amountMinor": 10**9, "reason": "GOODWILL"}
    variables = {"ticketId": ticket["ticket"]["id"], "refund": refund}
    answer = await run(ask, "ticket_resolve", support, **variables)
    (error,) = answer.data["ticketResolve"]["errors"]
    assert error["__typename"] == "RefundExceedsCaptured"
    assert error["path"] == ["input", "refund", "amountMinor"]
    assert error["remainingMinor"] == order.total_minor
    assert answer.data["ticketResolve"]["ticket"] is None


async def test_equal_requests_with_one_key_open_one_ticket(ask: GraphRunner, order: Order) -> None:
    document, variables = operation("ticket_open")
    variables["input"]["orderId"] = public_id(order)
    answer = [
        await ask(document, variables, customer_of(order), idempotency_key="complaint-1")
        for _ in range(2)
    ]
    first, second = (one.data["ticketOpen"]["ticket"]["id"] for one in answer)
    assert first == second
    assert answer[1].extensions["replayed"] == ["complaint-1"]


async def test_other_people_get_not_found_or_forbidden(
    ask: GraphRunner, database: Database, city: City, order: Order
) -> None:
    answer = await run(ask, "ticket_open", customer_of(order), orderId=public_id(order))
    ticket = answer.data["ticketOpen"]["ticket"]["id"]
    (other,) = await create_people(database)
    answer = await run(ask, "ticket_detail", other, id=ticket)
    assert (answer.data["ticket"], answer.codes) == (None, ["NOT_FOUND"])
    for name, changes in (
        ("ticket_open", {"orderId": public_id(order)}),
        ("ticket_reply", {"ticketId": ticket}),
    ):
        answer = await run(ask, name, other, **changes)
        (payload,) = answer.data.values()
        assert [error["__typename"] for error in payload["errors"]] == ["NotFound"]
    for name in ("ticket_queue", "ticket_assign", "ticket_resolve"):
        assert (await run(ask, name, other)).codes == ["FORBIDDEN"]
    for name in ("ticket_open", "ticket_reply"):
        answer = await run(ask, name, other)
        (payload,) = answer.data.values()
        assert [error["__typename"] for error in payload["errors"]] == ["NotFound"]


async def test_reading_tickets_stays_within_the_statement_budget(
    ask: GraphRunner, database: Database, city: City, order: Order
) -> None:
    customer, support = customer_of(order), await create_agent(database, city)
    answers = [await run(ask, "ticket_open", customer, orderId=public_id(order)) for _ in range(3)]
    ids = [one.data["ticketOpen"]["ticket"]["id"] for one in answers]
    for name, actor, changes in (
        ("ticket_detail", customer, {"id": ids[0]}),
        ("ticket_queue", support, {}),
        ("ticket_history", customer, {}),
    ):
        with record_statements(database) as sent:
            answer = await run(ask, name, actor, **changes)
        assert not answer.errors, answer.errors
        assert len(sent) <= READING_STATEMENTS[name], (name, len(sent))
