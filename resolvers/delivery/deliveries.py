"""Deliveries and their offers: reads and mutations."""

from dataclasses import dataclass, field
from typing import Annotated, Any

import strawberry

from models.delivery import Delivery, DeliveryAction, DeliveryOffer, OfferAction
from models.geo_point import Point
from resolvers.context import Info
from resolvers.delivery.inputs import (
    DeliveryArriveAtCustomerInput,
    DeliveryArriveAtStoreInput,
    DeliveryCompleteInput,
    DeliveryFailInput,
    DeliveryOfferAcceptInput,
    DeliveryOfferDeclineInput,
    DeliveryPickUpInput,
    DeliveryReturnInput,
    DeliveryUnassignInput,
)
from resolvers.mutations import Operation, company_of, run_mutation
from services.core.problems import parse_id
from services.delivery import deliveries, delivery_states, dispatch, rider_states
from services.fulfillment import handover

DeliveryId = Annotated[strawberry.ID, strawberry.argument(description="Its id.")]


@dataclass
class DeliveryOutcome:
    """The result of a mutation: the delivery as it is now, or the errors."""

    delivery: Delivery | None = None
    errors: list[Any] = field(default_factory=list)


@dataclass
class DeliveryOfferOutcome:
    """The result of declining: the offer as it is now, or the errors."""

    offer: DeliveryOffer | None = None
    errors: list[Any] = field(default_factory=list)


async def delivery(info: Info, id: DeliveryId) -> Delivery:
    key, session = parse_id(Delivery, id, "id"), info.context.batched_session()
    return await deliveries.visible_delivery(session, actor=info.context.actor, delivery_id=key)


async def accept_offer(info: Info, input: DeliveryOfferAcceptInput) -> DeliveryOutcome:
    return await run_mutation(
        info,
        DeliveryOutcome,
        lambda session: dispatch.accept_offer(session, **_offer_arguments(info, input)),
        input=input,
        company_id=company_of(info, DeliveryOffer, input.offer_id, "offerId"),
    )


async def decline_offer(info: Info, input: DeliveryOfferDeclineInput) -> DeliveryOfferOutcome:
    return await run_mutation(
        info,
        DeliveryOfferOutcome,
        lambda session: dispatch.decline_offer(session, **_offer_arguments(info, input)),
        input=input,
        company_id=company_of(info, DeliveryOffer, input.offer_id, "offerId"),
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
    pin = input.pin
    return await _run_step(
        info,
        input,
        lambda session: deliveries.complete(session, pin=pin, **_step_arguments(info, input)),
    )


async def fail_attempt(info: Info, input: DeliveryFailInput) -> DeliveryOutcome:
    reason = input.reason
    return await _run_step(
        info,
        input,
        lambda session: handover.fail_attempt(
            session, reason=reason, **_step_arguments(info, input)
        ),
    )


async def complete_return(info: Info, input: DeliveryReturnInput) -> DeliveryOutcome:
    code = input.handover_code
    return await _run_step(
        info,
        input,
        lambda session: handover.complete_return(
            session, handover_code=code, **_step_arguments(info, input)
        ),
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


def _offer_arguments(info: Info, input: Any) -> dict[str, Any]:
    """The actor and the id of the offer, as keyword arguments of the services."""
    offer_id = parse_id(DeliveryOffer, input.offer_id, "offerId")
    return {"actor": info.context.actor, "offer_id": offer_id}


def available_actions(parent: strawberry.Parent[Delivery], info: Info) -> list[DeliveryAction]:
    return delivery_states.MACHINE.available_actions(parent, info.context.actor)


def available_offer_actions(
    parent: strawberry.Parent[DeliveryOffer], info: Info
) -> list[OfferAction]:
    return rider_states.OFFER_MACHINE.available_actions(parent, info.context.actor)


def drop_point(parent: strawberry.Parent[Delivery], info: Info) -> Point | None:
    """Null for a rider whose delivery has ended."""
    can_see = delivery_states.can_see_address(parent, info.context.actor)
    return Point(parent.latitude, parent.longitude) if can_see else None


def address_line(parent: strawberry.Parent[Delivery], info: Info) -> str | None:
    """Null for a rider whose delivery has ended."""
    return (
        parent.address_line if delivery_states.can_see_address(parent, info.context.actor) else None
    )


def drop_note(parent: strawberry.Parent[Delivery], info: Info) -> str | None:
    """Null for a rider whose delivery has ended."""
    return parent.drop_note if delivery_states.can_see_address(parent, info.context.actor) else None
