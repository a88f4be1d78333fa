"""Riders: shifts, position reports, and the lists of a company."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any
from uuid import UUID

import strawberry
from sqlalchemy.ext.asyncio import AsyncSession

from dataloaders import accounts as load_accounts
from dataloaders import delivery as load
from models.accounts import User
from models.companies import Company
from models.delivery import TRACKED_STATUSES, Delivery
from models.riders import Rider, RiderAction, RiderLocation, RiderStatus
from resolvers.context import Container, Info
from resolvers.delivery.inputs import (
    RiderEndShiftInput,
    RiderGoOfflineInput,
    RiderGoOnlineInput,
    RiderLocationReportInput,
    RiderLocationsReportInput,
)
from resolvers.mutations import CompanyLookup, company_of, run_mutation, widen_scope
from services.accounts.people import Viewer
from services.core.pages import Page
from services.core.problems import DomainError, parse_id, parse_optional_id
from services.delivery import delivery_parties, rider_access, rider_release, rider_states, riders
from services.delivery.positions.position_results import PositionReport
from services.delivery.positions.position_validation import RejectedLocation
from services.delivery.riders import ViewerRider
from workflows.delivery import position_ingest

CompanyId = Annotated[strawberry.ID, strawberry.argument(description="The company.")]
Status = Annotated[
    RiderStatus | None, strawberry.argument(description="Only these statuses; all if left out.")
]
First = Annotated[int, strawberry.argument(description="Number of rows, from 1 to 100.")]
After = Annotated[str | None, strawberry.argument(description="The cursor to continue after.")]


@dataclass
class RiderOutcome:
    """The result of a shift mutation: the rider as they are now, or the errors."""

    rider: Rider | None = None
    errors: list[Any] = field(default_factory=list)


@dataclass
class LocationReportOutcome:
    """The result of a position report."""

    report: PositionReport | None = None
    errors: list[Any] = field(default_factory=list)

    @property
    def rider_location(self) -> RiderLocation | None:
        return self.report.position if self.report else None

    @property
    def delivery_id(self) -> UUID | None:
        return self.report.delivery_id if self.report else None

    @property
    def dropoff_eta_seconds(self) -> int | None:
        return self.report.eta_seconds if self.report else None


@dataclass
class LocationReportBatchOutcome(LocationReportOutcome):
    """The result of a report of several points."""

    accepted_count: int = 0
    rejected: Sequence[RejectedLocation] = ()


async def viewer_rider(parent: strawberry.Parent[Viewer], info: Info) -> ViewerRider | None:
    async with info.context.read() as session:
        return await riders.viewer_rider(session, parent.actor)


async def riders_of_company(
    info: Info, company_id: CompanyId, first: First, after: After = None, status: Status = None
) -> Page[Rider]:
    arguments: dict[str, Any] = {"first": first, "cursor": after, "status": status}
    company_key = parse_id(Company, company_id, "companyId")
    async with info.context.read() as session:
        return await riders.list_of_company(
            session, actor=info.context.actor, company_id=company_key, **arguments
        )


async def go_online(info: Info, input: RiderGoOnlineInput) -> RiderOutcome:
    shift: dict[str, Any] = {"vehicle": input.vehicle, "device_time": input.device_time}

    async def operation(session: AsyncSession) -> Rider:
        company_id = parse_optional_id(Company, input.company_id, "companyId")
        actor = info.context.actor
        return await riders.go_online(session, actor=actor, company_id=company_id, **shift)

    company = _company(info, input.company_id)
    return await run_mutation(info, RiderOutcome, operation, input=input, company_id=company)


async def go_offline(info: Info, input: RiderGoOfflineInput) -> RiderOutcome:
    actor, arguments = info.context.actor, {"device_time": input.device_time}
    return await run_mutation(
        info,
        RiderOutcome,
        lambda session: riders.go_offline(session, actor=actor, **arguments),
        input=input,
        company_id=_company(info),
    )


async def end_shift(info: Info, input: RiderEndShiftInput) -> RiderOutcome:
    arguments: dict[str, Any] = {"expected_version": input.expected_version}

    async def operation(session: AsyncSession) -> Rider:
        key = parse_id(Rider, input.rider_id, "riderId")
        return await rider_release.end_by_staff(
            session, actor=info.context.actor, rider_id=key, **arguments
        )

    company = company_of(info, Rider, input.rider_id, "riderId")
    return await run_mutation(info, RiderOutcome, operation, input=input, company_id=company)


async def report_location(info: Info, input: RiderLocationReportInput) -> LocationReportOutcome:
    """Stores the position, then publishes it to those who track the delivery."""
    arguments = _reporter(info) | {"device_time": input.device_time}
    try:
        report = await position_ingest.report_position(
            info.context.container, reading=input.to_reading(), **arguments
        )
    except DomainError as error:
        return LocationReportOutcome(errors=error.problems)
    await publish_position(info.context.container, report)
    return LocationReportOutcome(report)


async def report_locations(
    info: Info, input: RiderLocationsReportInput
) -> LocationReportBatchOutcome:
    """Stores the points, then publishes the newest one."""
    readings = [point.to_reading() for point in input.locations]
    try:
        result = await position_ingest.report_positions(
            info.context.container, readings=readings, **_reporter(info)
        )
    except DomainError as error:
        return LocationReportBatchOutcome(errors=error.problems)
    await publish_position(info.context.container, result.report)
    return LocationReportBatchOutcome(result.report, [], result.accepted, result.ignored)


def _reporter(info: Info) -> dict[str, Any]:
    """The actor and the audit context, as keyword arguments of the workflow."""
    context = info.context
    return {"actor": context.actor, "origin": context.audit_origin(info.field_name)}


async def publish_position(container: Container, report: PositionReport | None) -> None:
    """Publish a position to those who track the delivery, in the states that customers see."""
    if report is not None and report.order_id is not None and report.status in TRACKED_STATUSES:
        await container.streams.publish_value(f"position:{report.order_id}", report.live_message)


def _company(info: Info, wanted: str | None = None) -> UUID | CompanyLookup:
    """The company the actor rides for; read from the database only when there are several."""
    company_ids = rider_states.rider_companies(info.context.actor)
    if len(company_ids) == 1:
        return company_ids[0]

    async def look_up(session: AsyncSession) -> UUID:
        company_id = parse_optional_id(Company, wanted, "companyId")
        rider = await riders.require_rider(session, info.context.actor, company_id)
        return await widen_scope(session, rider.company_id)

    return look_up


async def name(parent: strawberry.Parent[Rider], info: Info) -> str | None:
    person = await info.context.loaders.load(load_accounts.person_by_id, parent.person_id)
    return person.name if person else None


async def person(parent: strawberry.Parent[Rider], info: Info) -> User | None:
    """Null for the staff of stores, who see the name alone."""
    if not rider_access.can_see_contact(info.context.actor, parent):
        return None
    return await info.context.loaders.load(load_accounts.person_by_id, parent.person_id)


async def position(parent: strawberry.Parent[Rider], info: Info) -> RiderLocation | None:
    """Null while offline, after a long silence, and for the staff of stores without the rider."""
    if parent.online_id is None:
        return None
    delivery = await _live_delivery(parent, info)
    if not rider_access.can_see_rider(info.context.actor, parent, delivery):
        return None
    found = await info.context.loaders.load(load.shown_location_by_rider, parent.id)
    return found if found and rider_access.is_current_position(parent, found) else None


async def current_delivery(parent: strawberry.Parent[Rider], info: Info) -> Delivery | None:
    """Null for staff of other stores than that of the delivery."""
    delivery = await _live_delivery(parent, info)
    visible = delivery is not None and delivery_parties.can_see(delivery, info.context.actor)
    return delivery if visible else None


async def _live_delivery(rider: Rider, info: Info) -> Delivery | None:
    if rider.live_delivery_id is None:
        return None
    return await info.context.loaders.load(load.delivery_by_id, rider.live_delivery_id)


async def available_actions(parent: strawberry.Parent[Rider], info: Info) -> list[RiderAction]:
    actor, blocked = info.context.actor, frozenset[RiderAction]()
    if len(rider_states.rider_companies(actor)) > 1 and rider_access.is_self(actor, parent):
        rows = await info.context.loaders.load(load.riders_by_person, parent.person_id)
        if riders.is_online_elsewhere(parent, rows):
            blocked = frozenset({RiderAction.GO_ONLINE})
    return rider_states.RIDER_MACHINE.available_actions(parent, actor, blocked)
