"""The state machine of one line of a pick list."""

from typing import Any

from models.fulfillment import FulfillmentLine, FulfillmentLineStatus
from services.core.state_machine import AutomaticTransition, StateMachine
from services.fulfillment.fulfillment_states import PICK_MUTATION, SUBSTITUTE_STATUSES

PICKABLE_STATUSES = frozenset(FulfillmentLineStatus) - SUBSTITUTE_STATUSES
LINE_MACHINE: StateMachine[FulfillmentLine, Any, FulfillmentLineStatus] = StateMachine(
    name="FulfillmentLine",
    model=FulfillmentLine,
    status=FulfillmentLineStatus,
    initial={FulfillmentLineStatus.PENDING},
    automatic=(
        AutomaticTransition(
            "picking: all units were found",
            PICKABLE_STATUSES,
            {FulfillmentLineStatus.FOUND},
            mutation=PICK_MUTATION,
        ),
        AutomaticTransition(
            "picking: units are missing",
            PICKABLE_STATUSES,
            {FulfillmentLineStatus.SHORT},
            mutation=PICK_MUTATION,
        ),
        AutomaticTransition(
            "order: more units are ordered",
            {FulfillmentLineStatus.FOUND},
            {FulfillmentLineStatus.PENDING},
        ),
        AutomaticTransition(
            "picking: a substitute is proposed",
            {FulfillmentLineStatus.SHORT},
            {FulfillmentLineStatus.SUBSTITUTION_PROPOSED},
            mutation="substitutionPropose",
        ),
        AutomaticTransition(
            "substitute: accepted",
            {FulfillmentLineStatus.SUBSTITUTION_PROPOSED},
            {FulfillmentLineStatus.SUBSTITUTED},
            mutation="orderSubstituteAnswer",
        ),
        AutomaticTransition(
            "substitute: declined",
            {FulfillmentLineStatus.SUBSTITUTION_PROPOSED},
            {FulfillmentLineStatus.DECLINED},
            mutation="orderSubstituteAnswer",
        ),
    ),
)


def is_started(line: FulfillmentLine) -> bool:
    """Whether a unit of a line was picked, or the line decided; more may be ordered since then."""
    return bool(line.picked_quantity) or line.status is not FulfillmentLineStatus.PENDING


def has_units_in_bag(line: FulfillmentLine) -> bool:
    """Whether units of a line, or of its substitute, are in a bag."""
    return bool(line.picked_quantity) or line.status in SUBSTITUTE_STATUSES
