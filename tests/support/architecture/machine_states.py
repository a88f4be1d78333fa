"""The states of the machines, and which of them a row is meant to leave."""

from collections.abc import Mapping
from typing import Any

from database.base import NamedEnum
from resolvers.enums import value_descriptions
from server.commands.states import find_machines
from services.core.state_machine import StateMachine

# States in which a row stays, although a step that goes through them ends elsewhere, and why.
ENDS: Mapping[str, str] = {
    "Payment.VOIDED": "the end, unless its order had expired: then EXPIRED follows in the same step"
}


def is_final(machine: StateMachine[Any, Any, Any], status: NamedEnum) -> bool:
    """Whether the description of a state says that it is the end."""
    return value_descriptions(type(status))[status.name].endswith("Final.")


def passing_states() -> set[str]:
    """Every state of every machine that a row is meant to leave, as "Machine.STATE"."""
    return {
        f"{machine.name}.{status}"
        for machine in find_machines()
        for status in machine.status
        if not is_final(machine, status)
    } - ENDS.keys()
