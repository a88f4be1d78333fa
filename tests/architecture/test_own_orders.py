"""Nobody acts on their own order except as its customer: of every machine, in every state."""

from typing import Any

import pytest

from database.base import uuid7
from models.identity import Actor, Grant, Role
from models.orders import Order
from server.commands.states import find_machines
from services.core.state_machine import StateMachine
from services.orders.stages import OrderProgress

MACHINES = [
    machine
    for machine in find_machines()
    if machine.transitions and "customer_id" in machine.model.__table__.columns
]
KEYS = ("company_id", "store_id", "customer_id", "rider_person_id")


def row_of(machine: StateMachine[Any, Any, Any], status: Any, keys: dict[str, Any]) -> Any:
    """A row of the machine in this state, with as many of the keys as it has columns for."""
    if machine.model is Order:
        owners = keys["company_id"], keys["store_id"], keys["customer_id"]
        return OrderProgress(uuid7(), *owners, status)
    columns = machine.model.__table__.columns
    row = machine.model(**{name: key for name, key in keys.items() if name in columns})
    for name in ("handover_tries", "pin_tries"):
        if name in columns:
            setattr(row, name, 0)
    row.status = status
    return row


@pytest.mark.parametrize("machine", MACHINES, ids=[machine.name for machine in MACHINES])
def test_staff_riders_and_support_take_no_step_with_their_own_order(
    machine: StateMachine[Any, Any, Any],
) -> None:
    """A support agent, super admin, manager or rider orders: only the customer's steps are open.

    The same person has every role of the store, of the company and of the platform at once.
    """
    keys = {name: uuid7() for name in KEYS}
    keys["rider_person_id"] = keys["customer_id"]
    everywhere = [Grant(role) for role in Role]
    here = [Grant(role, keys["company_id"], keys["store_id"]) for role in Role]
    actor = Actor(keys["customer_id"], uuid7(), (*everywhere, *here))
    others = {t.action for t in machine.transitions} - {
        t.action for t in machine.transitions if t.by_customer
    }
    for status in machine.status:
        row = row_of(machine, status, keys)
        assert not others & set(machine.available_actions(row, actor)), status
        for action in others:
            assert not machine.takes_part(row, actor, action), action


def test_the_machines_of_orders_are_found() -> None:
    assert {machine.name for machine in MACHINES} >= {
        "Order", "Fulfillment", "Delivery", "Substitution", "Ticket",
    }  # fmt: skip
