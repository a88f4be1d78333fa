from dataclasses import dataclass, field
from typing import Annotated, Any
from uuid import UUID

import strawberry
from sqlalchemy.ext.asyncio import AsyncSession

from dataloaders import stores as load
from models.companies import Company
from models.stores import Store, StoreHours, Weekday
from resolvers.context import Info
from resolvers.mutations import company_of, run_mutation, widen_scope
from resolvers.rules import COMPANY_ROLES
from resolvers.stores.inputs import (
    StoreCreateInput,
    StoreHoursSetInput,
    StoreUpdateInput,
    StoreZoneSetInput,
)
from services.core.problems import not_found, parse_id
from services.stores import administration, opening_hours, zones

StoreId = Annotated[strawberry.ID, strawberry.argument(description="The store's id.")]


@dataclass
class StoreOutcome:
    """The outcome of a change of a store."""

    store: Store | None = None
    errors: list[Any] = field(default_factory=list)


async def store(info: Info, id: StoreId) -> Store:
    row = await info.context.loaders.load(load.store_by_id, parse_id(Store, id, "id"))
    if row is None:
        raise not_found(Store, "id")
    return row


def weekday(parent: strawberry.Parent[StoreHours]) -> Weekday:
    return list(Weekday)[parent.weekday]


async def create_store(info: Info, input: StoreCreateInput) -> StoreOutcome:
    async def operation(session: Any) -> Store:
        facts = input.to_new_store(_own_company(info, input.company_id))
        return await administration.create_store(session, actor=info.context.actor, new_store=facts)

    async def company(session: AsyncSession) -> UUID:
        return await widen_scope(session, _own_company(info, input.company_id))

    return await run_mutation(info, StoreOutcome, operation, input=input, company_id=company)


async def update_store(info: Info, input: StoreUpdateInput) -> StoreOutcome:
    async def operation(session: Any) -> Store:
        arguments = {**_target(info, input), "change": input.to_change()}
        return await administration.update_store(session, **arguments)

    company = company_of(info, Store, input.store_id, "storeId")
    return await run_mutation(info, StoreOutcome, operation, input=input, company_id=company)


async def set_hours(info: Info, input: StoreHoursSetInput) -> StoreOutcome:
    async def operation(session: Any) -> Store:
        hours = [interval.to_interval() for interval in input.opening_hours]
        return await opening_hours.set_hours(session, **_target(info, input), hours=hours)

    company = company_of(info, Store, input.store_id, "storeId")
    return await run_mutation(info, StoreOutcome, operation, input=input, company_id=company)


async def set_zone(info: Info, input: StoreZoneSetInput) -> StoreOutcome:
    async def operation(session: Any) -> Store:
        return await zones.set_zone(session, **_target(info, input), area=input.delivery_zone)

    company = company_of(info, Store, input.store_id, "storeId")
    return await run_mutation(info, StoreOutcome, operation, input=input, company_id=company)


def _target(
    info: Info, input: StoreUpdateInput | StoreHoursSetInput | StoreZoneSetInput
) -> dict[str, Any]:
    store_id = parse_id(Store, input.store_id, "storeId")
    version = input.expected_version
    return {"actor": info.context.actor, "store_id": store_id, "expected_version": version}


def _own_company(info: Info, id: str) -> UUID:
    """Return the key of a company that the actor administers. Raises DomainError: NotFound."""
    key = parse_id(Company, id, "companyId")
    if not info.context.actor.has_company_role(key, COMPANY_ROLES):
        raise not_found(Company, "companyId")
    return key
