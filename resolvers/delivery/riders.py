"""Riders: their shift, their position, and those who look after them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any
from uuid import UUID

import strawberry
from sqlalchemy.ext.asyncio import AsyncSession

from models.companies import Company
from models.delivery import Rider, RiderAction, RiderPosition, RiderStatus
from resolvers.context import House, Info
from resolvers.delivery.inputs import (
    RiderGoOfflineInput,
    RiderGoOnlineInput,
    RiderLocationReportBatchInput,
    RiderLocationReportInput,
)
from resolvers.mutations import LookUp, attempt, widen
from services.accounts.people import Viewer
from services.core.pages import Page
from services.core.problems import Refused, key_of
from services.delivery import riders
from services.delivery.position_results import Report
from services.delivery.position_validation import IgnoredPoint
from services.delivery.riders import RiderSelf
from workflows.delivery import position_ingest

CompanyId = Annotated[strawberry.ID, strawberry.argument(description="The company: yours.")]
Status = Annotated[
    RiderStatus | None, strawberry.argument(description="Only these; all when left out.")
]
First = Annotated[int, strawberry.argument(description="How many, from 1 to 100.")]
After = Annotated[str | None, strawberry.argument(description="The cursor to continue after.")]


@dataclass
class RiderOutcome:
    """What the shift's writes answer: the rider as they are now, or every reason against it."""

    rider: Rider | None = None
    errors: list[Any] = field(default_factory=list)


@dataclass
class ReportOutcome:
    """What a report of a location answers."""

    report: Report | None = None
    errors: list[Any] = field(default_factory=list)

    @property
    def position(self) -> RiderPosition | None:
        return self.report.position if self.report else None

    @property
    def delivery_id(self) -> UUID | None:
        return self.report.delivery_id if self.report else None

    @property
    def eta_seconds(self) -> int | None:
        return self.report.eta_seconds if self.report else None


@dataclass
class BatchOutcome(ReportOutcome):
    """What a report of several points answers."""

    accepted_count: int = 0
    ignored: Sequence[IgnoredPoint] = ()


async def mine(parent: strawberry.Parent[Viewer], info: Info) -> RiderSelf | None:
    async with info.context.read() as session:
        return await riders.myself(session, parent.actor)


async def of_company(
    info: Info, company_id: CompanyId, first: First, after: After = None, status: Status = None
) -> Page[Rider]:
    asked: dict[str, Any] = {"first": first, "cursor": after, "status": status}
    company = key_of(Company, company_id, "companyId")
    async with info.context.read() as session:
        return await riders.of_company(
            session, actor=info.context.actor, company_id=company, **asked
        )


async def go_online(info: Info, input: RiderGoOnlineInput) -> RiderOutcome:
    actor, told = info.context.actor, {"device_time": input.device_time}
    return await attempt(
        info,
        RiderOutcome,
        lambda session: riders.go_online(session, actor=actor, vehicle=input.vehicle, **told),
        input=input,
        company_id=_company(info),
    )


async def go_offline(info: Info, input: RiderGoOfflineInput) -> RiderOutcome:
    actor, told = info.context.actor, {"device_time": input.device_time}
    return await attempt(
        info,
        RiderOutcome,
        lambda session: riders.go_offline(session, actor=actor, **told),
        input=input,
        company_id=_company(info),
    )


async def report_location(info: Info, input: RiderLocationReportInput) -> ReportOutcome:
    """Stored first; then, as a value that may be lost, told to whoever watches the ride."""
    context = info.context
    who: Any = {"actor": context.actor, "origin": context.origin(info.field_name)}
    given: Any = {"fix": input.fix(), "device_time": input.device_time}
    try:
        report = await position_ingest.report(context.house, **who, **given)
    except Refused as refused:
        return ReportOutcome(errors=refused.reasons)
    await tell(context.house, report)
    return ReportOutcome(report)


async def report_locations(info: Info, input: RiderLocationReportBatchInput) -> BatchOutcome:
    """The newest counts as where the rider is, and is told as such."""
    context = info.context
    who: Any = {"actor": context.actor, "origin": context.origin(info.field_name)}
    fixes = [one.fix() for one in input.points]
    try:
        done = await position_ingest.report_many(context.house, **who, fixes=fixes)
    except Refused as refused:
        return BatchOutcome(errors=refused.reasons)
    await tell(context.house, done.report)
    return BatchOutcome(done.report, [], done.accepted, done.ignored)


async def tell(house: House, report: Report | None) -> None:
    """Tell whoever watches the ride where its rider is, if there is a ride and anything is new."""
    if report is not None and report.order_id is not None:
        await house.streams.tell(f"position:{report.order_id}", report.told)


def _company(info: Info) -> UUID | LookUp:
    """The company for which the actor rides; looked up only when the grants name several."""
    named = riders.companies(info.context.actor)
    if len(named) == 1:
        return named[0]

    async def look_up(session: AsyncSession) -> UUID:
        rider = await riders.mine(session, info.context.actor)
        return await widen(session, rider.company_id)

    return look_up


def available_actions(parent: strawberry.Parent[Rider], info: Info) -> list[RiderAction]:
    return riders.actions(parent, info.context.actor)
