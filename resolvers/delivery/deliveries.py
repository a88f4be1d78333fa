"""Rides: offered, taken, ridden, brought to their end."""

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
from resolvers.mutations import Verb, attempt, of
from services.core.problems import key_of
from services.delivery import deliveries, delivery_states, dispatch
from services.fulfillment import handover

DeliveryId = Annotated[strawberry.ID, strawberry.argument(description="Its id.")]


@dataclass
class DeliveryOutcome:
    """What the delivery's writes answer: the row as it is now, or every reason against it."""

    delivery: Delivery | None = None
    errors: list[Any] = field(default_factory=list)


@dataclass
class OfferOutcome:
    """What declining answers: the offer as it is now, or every reason against it."""

    offer: DeliveryOffer | None = None
    errors: list[Any] = field(default_factory=list)


async def one(info: Info, id: DeliveryId) -> Delivery:
    key, session = key_of(Delivery, id, "id"), info.context.look()
    return await deliveries.visible(session, actor=info.context.actor, delivery_id=key)


async def accept(info: Info, input: DeliveryOfferAcceptInput) -> DeliveryOutcome:
    return await attempt(
        info,
        DeliveryOutcome,
        lambda session: dispatch.accept(session, **_offered(info, input)),
        input=input,
        company_id=of(info, DeliveryOffer, input.offer_id, "offerId"),
    )


async def decline(info: Info, input: DeliveryOfferDeclineInput) -> OfferOutcome:
    return await attempt(
        info,
        OfferOutcome,
        lambda session: dispatch.decline(session, **_offered(info, input)),
        input=input,
        company_id=of(info, DeliveryOffer, input.offer_id, "offerId"),
    )


async def arrive_at_store(info: Info, input: DeliveryArriveAtStoreInput) -> DeliveryOutcome:
    return await _step(
        info, input, lambda session: deliveries.arrive_at_store(session, **_of(info, input))
    )


async def pick_up(info: Info, input: DeliveryPickUpInput) -> DeliveryOutcome:
    code = input.handover_code
    return await _step(
        info,
        input,
        lambda session: handover.pick_up(session, handover_code=code, **_of(info, input)),
    )


async def arrive_at_customer(info: Info, input: DeliveryArriveAtCustomerInput) -> DeliveryOutcome:
    return await _step(
        info, input, lambda session: deliveries.arrive_at_customer(session, **_of(info, input))
    )


async def complete(info: Info, input: DeliveryCompleteInput) -> DeliveryOutcome:
    pin = input.pin
    return await _step(
        info, input, lambda session: deliveries.complete(session, pin=pin, **_of(info, input))
    )


async def fail(info: Info, input: DeliveryFailInput) -> DeliveryOutcome:
    reason = input.reason
    return await _step(
        info, input, lambda session: handover.fail(session, reason=reason, **_of(info, input))
    )


async def give_back(info: Info, input: DeliveryReturnInput) -> DeliveryOutcome:
    code = input.handover_code
    return await _step(
        info,
        input,
        lambda session: handover.returned(session, handover_code=code, **_of(info, input)),
    )


async def unassign(info: Info, input: DeliveryUnassignInput) -> DeliveryOutcome:
    return await _step(
        info, input, lambda session: deliveries.unassign(session, **_named(info, input))
    )


async def _step(info: Info, input: Any, verb: Verb) -> DeliveryOutcome:
    """A step inside the company whose delivery the actor can see."""
    company = of(info, Delivery, input.delivery_id, "deliveryId")
    return await attempt(info, DeliveryOutcome, verb, input=input, company_id=company)


def _named(info: Info, input: Any) -> dict[str, Any]:
    """Who steps, with which delivery."""
    return {
        "actor": info.context.actor,
        "delivery_id": key_of(Delivery, input.delivery_id, "deliveryId"),
    }


def _of(info: Info, input: Any) -> dict[str, Any]:
    """The same, and when by the device's clock."""
    return {**_named(info, input), "device_time": input.device_time}


def _offered(info: Info, input: Any) -> dict[str, Any]:
    """Who answers which offer."""
    key = key_of(DeliveryOffer, input.offer_id, "offerId")
    return {"actor": info.context.actor, "offer_id": key}


def available_actions(parent: strawberry.Parent[Delivery], info: Info) -> list[DeliveryAction]:
    return delivery_states.available_actions(parent, info.context.actor)


def answers(parent: strawberry.Parent[DeliveryOffer], info: Info) -> list[OfferAction]:
    return dispatch.answers(parent, info.context.actor)


def drop_point(parent: strawberry.Parent[Delivery], info: Info) -> Point | None:
    """Null for a rider whose ride is over."""
    shown = delivery_states.sees_address(parent, info.context.actor)
    return Point(parent.latitude, parent.longitude) if shown else None


def address_line(parent: strawberry.Parent[Delivery], info: Info) -> str | None:
    """Null for a rider whose ride is over."""
    return parent.address_line if delivery_states.sees_address(parent, info.context.actor) else None


def drop_note(parent: strawberry.Parent[Delivery], info: Info) -> str | None:
    """Null for a rider whose ride is over."""
    return parent.drop_note if delivery_states.sees_address(parent, info.context.actor) else None
