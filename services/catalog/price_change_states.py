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
            "job: it starts", {PriceChangeStatus.SCHEDULED}, {PriceChangeStatus.ACTIVE}
        ),
        AutomaticTransition(
            "job: it starts without an end, or its whole period was missed",
            {PriceChangeStatus.SCHEDULED},
            {PriceChangeStatus.DONE},
        ),
        AutomaticTransition("job: it ends", {PriceChangeStatus.ACTIVE}, {PriceChangeStatus.DONE}),
    ),
    is_visible=_may_see,
    permits=has_role_in_store,
    refusal=_refusal,
)
