"""State machine of a scheduled price: its transitions and who may make them."""

from models.catalog import PriceChange, PriceChangeAction, PriceChangeStatus
from models.identity import Actor
from services.core.access import STORE_ROLES, may_operate_store
from services.core.state_machine import (
    AutomaticTransition,
    StateMachine,
    Transition,
    has_role_in_store,
)

LIVE_STATUSES = (PriceChangeStatus.SCHEDULED, PriceChangeStatus.ACTIVE)


def _may_see(row: PriceChange, actor: Actor) -> bool:
    return may_operate_store(actor, row.company_id, row.store_id)


def _refusal(row: PriceChange, action: PriceChangeAction) -> str:
    return f"It is {row.status} already."


APPLY_JOB = "price_change.apply_due"
MACHINE: StateMachine[PriceChange, PriceChangeAction, PriceChangeStatus] = StateMachine(
    name="PriceChange",
    model=PriceChange,
    status=PriceChangeStatus,
    noun="price change",
    id_path="priceChangeId",
    initial={PriceChangeStatus.SCHEDULED},
    transitions=(
        Transition(
            PriceChangeAction.CANCEL,
            frozenset(LIVE_STATUSES),
            {PriceChangeStatus.CANCELED},
            STORE_ROLES,
        ),
    ),
    automatic=(
        AutomaticTransition(
            "job: it starts",
            {PriceChangeStatus.SCHEDULED},
            {PriceChangeStatus.ACTIVE},
            job=APPLY_JOB,
        ),
        AutomaticTransition(
            "job: it starts without an end, or its whole period was missed",
            {PriceChangeStatus.SCHEDULED},
            {PriceChangeStatus.DONE},
            job=APPLY_JOB,
        ),
        AutomaticTransition(
            "job: it ends", {PriceChangeStatus.ACTIVE}, {PriceChangeStatus.DONE}, job=APPLY_JOB
        ),
    ),
    mutations={PriceChangeAction.CANCEL: "listingPriceCancel"},
    is_visible=_may_see,
    permits=has_role_in_store,
    refusal=_refusal,
)
