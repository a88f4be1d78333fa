"""State machine of a proposed substitute: its transitions and who may make them."""

from typing import Any

from models.fulfillment import Substitute, SubstituteAction, SubstituteStatus
from models.identity import Actor
from services.core.state_machine import AutomaticTransition, StateMachine, Transition

PROPOSED = frozenset({SubstituteStatus.PROPOSED})
ACCEPTED, DECLINED = {SubstituteStatus.ACCEPTED}, {SubstituteStatus.DECLINED}
OPEN_STATUSES = PROPOSED | ACCEPTED
CUSTOMER = "the customer"


def _is_customer(row: Substitute, actor: Actor) -> bool:
    return actor.person_id == row.customer_id


def _permits(row: Substitute, actor: Actor, transition: Transition[Any, Any]) -> bool:
    return _is_customer(row, actor)


def _refusal(row: Substitute, action: SubstituteAction) -> str:
    return f"It is {row.status} already."


TIME_OUT_JOB = "substitute.time_out"
MACHINE: StateMachine[Substitute, SubstituteAction, SubstituteStatus] = StateMachine(
    name="Substitute",
    model=Substitute,
    status=SubstituteStatus,
    noun="substitute",
    id_path="substituteId",
    initial=PROPOSED,
    transitions=(
        Transition(SubstituteAction.ACCEPT, PROPOSED, ACCEPTED, party=CUSTOMER, by_customer=True),
        Transition(SubstituteAction.DECLINE, PROPOSED, DECLINED, party=CUSTOMER, by_customer=True),
    ),
    automatic=(
        AutomaticTransition(
            "job: no answer in time, and the line prefers a similar product",
            PROPOSED,
            ACCEPTED,
            job=TIME_OUT_JOB,
        ),
        AutomaticTransition(
            "job: no answer in time, and the line prefers to be asked",
            PROPOSED,
            DECLINED,
            job=TIME_OUT_JOB,
        ),
        AutomaticTransition(
            "order: canceled or returned",
            OPEN_STATUSES,
            {SubstituteStatus.RETURNED},
            mutation="orderCancel",
        ),
    ),
    mutations=dict.fromkeys(SubstituteAction, "orderSubstituteAnswer"),
    is_visible=_is_customer,
    permits=_permits,
    refusal=_refusal,
)
