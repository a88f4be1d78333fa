"""State machines of a rider's shift and of the offers that a rider gets."""

from typing import Any
from uuid import UUID

from models.delivery import DeliveryOffer, DeliveryOfferAction, DeliveryOfferStatus
from models.identity import Actor, Role
from models.riders import Rider, RiderAction, RiderStatus
from services.core.access import MANAGER_ROLES, SUPPORT_ROLES
from services.core.state_machine import AutomaticTransition, StateMachine, Transition

OFFERED = {DeliveryOfferStatus.OFFERED}
OFFLINE, ONLINE = {RiderStatus.OFFLINE}, {RiderStatus.ONLINE}
RIDER = "the rider"
MANAGERS = MANAGER_ROLES | SUPPORT_ROLES


def _is_offered_to(row: DeliveryOffer, actor: Actor, transition: Transition[Any, Any]) -> bool:
    return row.rider_person_id == actor.person_id and row.company_id in rider_companies(actor)


def _manages(row: Rider, actor: Actor) -> bool:
    scope = (None, row.company_id)
    return any(grant.role in MANAGERS and grant.company_id in scope for grant in actor.grants)


def _is_rider(row: Rider, actor: Actor) -> bool:
    return row.person_id == actor.person_id and row.company_id in rider_companies(actor)


def _is_visible(row: Rider, actor: Actor) -> bool:
    return _is_rider(row, actor) or _manages(row, actor)


def _permits(row: Rider, actor: Actor, transition: Transition[Any, Any]) -> bool:
    return _manages(row, actor) if transition.roles else _is_rider(row, actor)


def rider_companies(actor: Actor) -> list[UUID]:
    """The companies that the actor rides for, each once: who was dismissed is no rider there."""
    company_ids = (
        grant.company_id for grant in actor.grants if grant.role is Role.RIDER and grant.company_id
    )
    return list(dict.fromkeys(company_ids)) if actor.signed_in else []


def no_delivery_is_active(rider: Rider) -> bool:
    return not rider.live_delivery_id


OFFER_MACHINE: StateMachine[DeliveryOffer, DeliveryOfferAction, DeliveryOfferStatus] = StateMachine(
    name="DeliveryOffer",
    model=DeliveryOffer,
    status=DeliveryOfferStatus,
    initial=OFFERED,
    transitions=(
        Transition(
            DeliveryOfferAction.ACCEPT, OFFERED, {DeliveryOfferStatus.ACCEPTED}, party=RIDER
        ),
        Transition(
            DeliveryOfferAction.DECLINE, OFFERED, {DeliveryOfferStatus.DECLINED}, party=RIDER
        ),
    ),
    automatic=(
        AutomaticTransition(
            "job: no answer in time", OFFERED, {DeliveryOfferStatus.EXPIRED}, job="delivery.advance"
        ),
        AutomaticTransition("order: canceled", OFFERED, {DeliveryOfferStatus.WITHDRAWN}),
    ),
    permits=_is_offered_to,
)
RIDER_MACHINE: StateMachine[Rider, RiderAction, RiderStatus] = StateMachine(
    name="Rider",
    model=Rider,
    status=RiderStatus,
    initial=OFFLINE,
    transitions=(
        Transition(
            *(RiderAction.GO_ONLINE, OFFLINE, ONLINE),
            party=RIDER,
            note="not while online for another company",
        ),
        Transition(
            RiderAction.GO_OFFLINE, ONLINE, OFFLINE, party=RIDER, condition=no_delivery_is_active
        ),
        Transition(
            *(RiderAction.END_SHIFT, ONLINE, OFFLINE, MANAGERS),
            condition=no_delivery_is_active,
        ),
        Transition(RiderAction.REPORT_LOCATION, ONLINE, party=RIDER),
    ),
    automatic=(
        AutomaticTransition(
            "rider: dismissed, or signed out", ONLINE, OFFLINE, mutation="roleRevoke"
        ),
        AutomaticTransition(
            "job: no position for half an hour, without a delivery",
            *(ONLINE, OFFLINE),
            job="rider.end_silent_shifts",
        ),
    ),
    mutations={RiderAction.REPORT_LOCATION: "riderLocationReport"},
    is_visible=_is_visible,
    permits=_permits,
    id_path="riderId",
    noun="rider",
)
