"""Deliveries and their offers: reads and mutations."""

from dataclasses import dataclass, field
from typing import Annotated, Any

import strawberry

from dataloaders import delivery as load_delivery
from dataloaders import fulfillment as load_fulfillment
from models.delivery import (
    Delivery,
    DeliveryAction,
    DeliveryOffer,
    DeliveryOfferAction,
    DeliveryStatus,
)
from models.riders import Rider
from models.stores import Store
from resolvers.context import Info
from resolvers.delivery.inputs import (
    DeliveryArriveAtCustomerInput,
    DeliveryArriveAtStoreInput,
    DeliveryAttemptAgainInput,
    DeliveryCheckAgeInput,
    DeliveryCompleteInput,
    DeliveryFailInput,
    DeliveryOfferAcceptInput,
    DeliveryOfferDeclineInput,
    DeliveryPickUpInput,
    DeliveryReassignInput,
    DeliveryReturnInput,
    DeliveryStartReturnInput,
    DeliveryUnassignInput,
)
from resolvers.mutations import Operation, company_of, run_mutation
from services.core.pages import Page
from services.core.problems import parse_id
from services.delivery import (
    deliveries,
    delivery_parties,
    delivery_states,
    dispatch,
    failed_attempts,
    reassignment,
    rider_states,
)
from services.fulfillment import handover

DeliveryId = Annotated[strawberry.ID, strawberry.argument(description="Its id.")]
StoreId = Annotated[
    strawberry.ID, strawberry.argument(description="A store in which the caller works.")
]
First = Annotated[int, strawberry.argument(description="Number of rows, from 1 to 100.")]
After = Annotated[str | None, strawberry.argument(description="The cursor to continue after.")]


@dataclass
class DeliveryOutcome:
    """The result of a mutation: the delivery as it is now, or the errors."""

    delivery: Delivery | None = None
    errors: list[Any] = field(default_factory=list)


@dataclass
class DeliveryOfferOutcome:
    """The result of declining: the offer as it is now, or the errors."""

    delivery_offer: DeliveryOffer | None = None
    errors: list[Any] = field(default_factory=list)


async def delivery(info: Info, id: DeliveryId) -> Delivery:
    key, session = parse_id(Delivery, id, "id"), info.context.batched_session()
    return await deliveries.visible_delivery(session, actor=info.context.actor, delivery_id=key)


async def deliveries_of_store(
    info: Info, store_id: StoreId, first: First, after: After = None
) -> Page[Delivery]:
    actor, key = info.context.actor, parse_id(Store, store_id, "storeId")
    async with info.context.read() as session:
        return await deliveries.list_of_store(
            session, actor=actor, store_id=key, first=first, cursor=after
        )


async def accept_offer(info: Info, input: DeliveryOfferAcceptInput) -> DeliveryOutcome:
    return await run_mutation(
        info,
        DeliveryOutcome,
        lambda session: dispatch.accept_offer(session, **_offer_arguments(info, input)),
        input=input,
        company_id=company_of(info, DeliveryOffer, input.delivery_offer_id, "deliveryOfferId"),
    )


async def decline_offer(info: Info, input: DeliveryOfferDeclineInput) -> DeliveryOfferOutcome:
    return await run_mutation(
        info,
        DeliveryOfferOutcome,
        lambda session: dispatch.decline_offer(session, **_offer_arguments(info, input)),
        input=input,
        company_id=company_of(info, DeliveryOffer, input.delivery_offer_id, "deliveryOfferId"),
    )


async def arrive_at_store(info: Info, input: DeliveryArriveAtStoreInput) -> DeliveryOutcome:
    return await _run_step(
        info,
        input,
        lambda session: deliveries.arrive_at_store(session, **_step_arguments(info, input)),
    )


async def pick_up(info: Info, input: DeliveryPickUpInput) -> DeliveryOutcome:
    code = input.handover_code
    return await _run_step(
        info,
        input,
        lambda session: handover.pick_up(
            session, handover_code=code, **_step_arguments(info, input)
        ),
    )


async def arrive_at_customer(info: Info, input: DeliveryArriveAtCustomerInput) -> DeliveryOutcome:
    return await _run_step(
        info,
        input,
        lambda session: deliveries.arrive_at_customer(session, **_step_arguments(info, input)),
    )


async def complete(info: Info, input: DeliveryCompleteInput) -> DeliveryOutcome:
    pin = input.delivery_pin
    return await _run_step(
        info,
        input,
        lambda session: deliveries.complete(session, pin=pin, **_overridable(info, input)),
    )


async def check_age(info: Info, input: DeliveryCheckAgeInput) -> DeliveryOutcome:
    shown = input.to_shown_document()
    return await _run_step(
        info,
        input,
        lambda session: deliveries.check_age(session, shown=shown, **_overridable(info, input)),
    )


async def fail_attempt(info: Info, input: DeliveryFailInput) -> DeliveryOutcome:
    failure: dict[str, Any] = {"reason": input.reason, "note": input.note}
    failure["call_attempt_count"] = input.call_attempt_count
    return await _run_step(
        info,
        input,
        lambda session: failed_attempts.fail_attempt(
            session, **failure, **_overridable(info, input)
        ),
    )


async def attempt_again(info: Info, input: DeliveryAttemptAgainInput) -> DeliveryOutcome:
    return await _run_step(
        info,
        input,
        lambda session: failed_attempts.attempt_again(session, **_overridable(info, input)),
    )


async def start_return(info: Info, input: DeliveryStartReturnInput) -> DeliveryOutcome:
    return await _run_step(
        info,
        input,
        lambda session: failed_attempts.start_return(session, **_overridable(info, input)),
    )


async def complete_return(info: Info, input: DeliveryReturnInput) -> DeliveryOutcome:
    code = input.return_code
    return await _run_step(
        info,
        input,
        lambda session: handover.complete_return(
            session, return_code=code, **_overridable(info, input)
        ),
    )


async def reassign(info: Info, input: DeliveryReassignInput) -> DeliveryOutcome:
    return await _run_step(
        info,
        input,
        lambda session: reassignment.reassign(session, **_reassign_arguments(info, input)),
    )


async def unassign(info: Info, input: DeliveryUnassignInput) -> DeliveryOutcome:
    return await _run_step(
        info,
        input,
        lambda session: deliveries.unassign(session, **_actor_and_delivery(info, input)),
    )


async def _run_step(info: Info, input: Any, operation: Operation) -> DeliveryOutcome:
    """Run a step in a transaction scoped to the company of the delivery."""
    company = company_of(info, Delivery, input.delivery_id, "deliveryId")
    return await run_mutation(info, DeliveryOutcome, operation, input=input, company_id=company)


def _actor_and_delivery(info: Info, input: Any) -> dict[str, Any]:
    """The actor and the id of the delivery, as keyword arguments of the services."""
    return {
        "actor": info.context.actor,
        "delivery_id": parse_id(Delivery, input.delivery_id, "deliveryId"),
    }


def _step_arguments(info: Info, input: Any) -> dict[str, Any]:
    """The same with the time of the device."""
    return {**_actor_and_delivery(info, input), "device_time": input.device_time}


def _overridable(info: Info, input: Any) -> dict[str, Any]:
    """The same with the reason of somebody who takes the step in place of the rider."""
    override = input.override.to_override() if input.override else None
    return {**_step_arguments(info, input), "override": override}


def _reassign_arguments(info: Info, input: DeliveryReassignInput) -> dict[str, Any]:
    """The rider and the reason too."""
    rider_id = parse_id(Rider, input.rider_id, "riderId")
    override = input.override.to_override()
    return {**_actor_and_delivery(info, input), "rider_id": rider_id, "override": override}


def _offer_arguments(info: Info, input: Any) -> dict[str, Any]:
    """The actor and the id of the offer, as keyword arguments of the services."""
    offer_id = parse_id(DeliveryOffer, input.delivery_offer_id, "deliveryOfferId")
    return {"actor": info.context.actor, "offer_id": offer_id}


async def available_actions(
    parent: strawberry.Parent[Delivery], info: Info
) -> list[DeliveryAction]:
    actions = delivery_states.MACHINE.available_actions(parent, info.context.actor)
    if DeliveryAction.PICK_UP not in actions:
        return actions
    load = load_fulfillment.handover_by_fulfillment
    state = await info.context.loaders.load(load, parent.fulfillment_id)
    blocked = state.blocked_ride_actions if state else frozenset()
    return [action for action in actions if action not in blocked]


async def available_offer_actions(
    parent: strawberry.Parent[DeliveryOffer], info: Info
) -> list[DeliveryOfferAction]:
    actions = rider_states.OFFER_MACHINE.available_actions(parent, info.context.actor)
    if not actions:
        return []
    in_time = await info.context.loaders.load(load_delivery.offer_in_time_by_id, parent.id)
    return actions if in_time else []


def return_code(parent: strawberry.Parent[Delivery], info: Info) -> str | None:
    """Null unless the bags are on their way back, and for who rides for the company."""
    is_shown = parent.status is DeliveryStatus.RETURNING and delivery_parties.may_see_codes(
        parent, info.context.actor
    )
    return parent.return_code if is_shown else None
