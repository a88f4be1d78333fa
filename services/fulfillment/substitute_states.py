"""State machine of a proposed substitute: its transitions and who may make them."""

from typing import Any

from models.fulfillment import Substitution, SubstitutionAction, SubstitutionStatus
from models.identity import Actor
from models.message_text import words_text
from services.core.state_machine import AutomaticTransition, StateMachine, Transition

PROPOSED = frozenset({SubstitutionStatus.PROPOSED})
ACCEPTED, DECLINED = {SubstitutionStatus.ACCEPTED}, {SubstitutionStatus.DECLINED}
OPEN_STATUSES = PROPOSED | ACCEPTED
CUSTOMER = "the customer"


def _is_customer(row: Substitution, actor: Actor) -> bool:
    return actor.person_id == row.customer_id


def _permits(row: Substitution, actor: Actor, transition: Transition[Any, Any]) -> bool:
    return _is_customer(row, actor)


def _refusal(row: Substitution, action: SubstitutionAction) -> str:
    return f"The substitute is {words_text(row.status)} already."


TIME_OUT_JOB = "substitute.time_out"
MACHINE: StateMachine[Substitution, SubstitutionAction, SubstitutionStatus] = StateMachine(
    name="Substitution",
    model=Substitution,
    status=SubstitutionStatus,
    noun="substitute",
    id_path="substitutionId",
    initial=PROPOSED,
    transitions=(
        Transition(SubstitutionAction.ACCEPT, PROPOSED, ACCEPTED, party=CUSTOMER, by_customer=True),
        Transition(
            SubstitutionAction.DECLINE, PROPOSED, DECLINED, party=CUSTOMER, by_customer=True
        ),
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
            {SubstitutionStatus.RETURNED},
            mutation="orderCancel",
        ),
    ),
    mutations=dict.fromkeys(SubstitutionAction, "orderSubstituteAnswer"),
    is_visible=_is_customer,
    permits=_permits,
    refusal=_refusal,
)
