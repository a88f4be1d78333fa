"""State machine of a scheduled price: its transitions and who may make them."""

from models.catalog import ScheduledPrice, ScheduledPriceAction, ScheduledPriceStatus
from models.identity import Actor
from models.message_text import words_text
from services.core.access import STORE_ROLES, may_operate_store
from services.core.state_machine import (
    AutomaticTransition,
    StateMachine,
    Transition,
    has_role_in_store,
)

LIVE_STATUSES = (ScheduledPriceStatus.SCHEDULED, ScheduledPriceStatus.ACTIVE)


def _may_see(row: ScheduledPrice, actor: Actor) -> bool:
    return may_operate_store(actor, row.company_id, row.store_id)


def _refusal(row: ScheduledPrice, action: ScheduledPriceAction) -> str:
    return f"The planned price is {words_text(row.status)} already."


APPLY_JOB = "price_change.apply_due"
MACHINE: StateMachine[ScheduledPrice, ScheduledPriceAction, ScheduledPriceStatus] = StateMachine(
    name="ScheduledPrice",
    model=ScheduledPrice,
    status=ScheduledPriceStatus,
    noun="price change",
    id_path="scheduledPriceId",
    initial={ScheduledPriceStatus.SCHEDULED},
    transitions=(
        Transition(
            ScheduledPriceAction.CANCEL,
            frozenset(LIVE_STATUSES),
            {ScheduledPriceStatus.CANCELED},
            STORE_ROLES,
        ),
    ),
    automatic=(
        AutomaticTransition(
            "job: it starts",
            {ScheduledPriceStatus.SCHEDULED},
            {ScheduledPriceStatus.ACTIVE},
            job=APPLY_JOB,
        ),
        AutomaticTransition(
            "job: it starts without an end, or its whole period was missed",
            {ScheduledPriceStatus.SCHEDULED},
            {ScheduledPriceStatus.ENDED},
            job=APPLY_JOB,
        ),
        AutomaticTransition(
            "job: it ends",
            {ScheduledPriceStatus.ACTIVE},
            {ScheduledPriceStatus.ENDED},
            job=APPLY_JOB,
        ),
    ),
    mutations={ScheduledPriceAction.CANCEL: "scheduledPriceCancel"},
    is_visible=_may_see,
    permits=has_role_in_store,
    refusal=_refusal,
)
