from dataclasses import dataclass, field
from typing import Annotated, Any
from uuid import UUID

import strawberry
from sqlalchemy.ext.asyncio import AsyncSession

from dataloaders import stores as load
from models.companies import Company
from models.stores import Store, StoreHours, Weekday
from resolvers.context import Info
from resolvers.mutations import attempt, of, widen
from resolvers.rules import COMPANY_ROLES
from resolvers.stores.inputs import (
    StoreCreateInput,
    StoreHoursSetInput,
    StoreUpdateInput,
    StoreZoneSetInput,
)
from services.core.problems import key_of, not_found
from services.stores import administration, zones

StoreId = Annotated[strawberry.ID, strawberry.argument(description="The store's id.")]


@dataclass
class StoreOutcome:
    """What a change of a store answers."""

    store: Store | None = None
    errors: list[Any] = field(default_factory=list)


async def store(info: Info, id: StoreId) -> Store:
    found = await info.context.loaders.load(load.store_by_id, key_of(Store, id, "id"))
    if found is None:
        raise not_found(Store, "id")
    return found


def weekday(parent: strawberry.Parent[StoreHours]) -> Weekday:
    return list(Weekday)[parent.weekday]


async def create(info: Info, input: StoreCreateInput) -> StoreOutcome:
    async def verb(session: Any) -> Store:
        facts = input.facts(_own_company(info, input.company_id))
        return await administration.create(session, actor=info.context.actor, facts=facts)

    async def company(session: AsyncSession) -> UUID:
        return await widen(session, _own_company(info, input.company_id))

    return await attempt(info, StoreOutcome, verb, input=input, company_id=company)


async def update(info: Info, input: StoreUpdateInput) -> StoreOutcome:
    async def verb(session: Any) -> Store:
        given = {**_aim(info, input), "change": input.change()}
        return await administration.update(session, **given)

    company = of(info, Store, input.store_id, "storeId")
    return await attempt(info, StoreOutcome, verb, input=input, company_id=company)


async def set_hours(info: Info, input: StoreHoursSetInput) -> StoreOutcome:
    async def verb(session: Any) -> Store:
        hours = [one.interval() for one in input.hours]
        return await administration.set_hours(session, **_aim(info, input), hours=hours)

    company = of(info, Store, input.store_id, "storeId")
    return await attempt(info, StoreOutcome, verb, input=input, company_id=company)


async def set_zone(info: Info, input: StoreZoneSetInput) -> StoreOutcome:
    async def verb(session: Any) -> Store:
        return await zones.set_zone(session, **_aim(info, input), area=input.area)

    company = of(info, Store, input.store_id, "storeId")
    return await attempt(info, StoreOutcome, verb, input=input, company_id=company)


def _aim(
    info: Info, input: StoreUpdateInput | StoreHoursSetInput | StoreZoneSetInput
) -> dict[str, Any]:
    store_id = key_of(Store, input.store_id, "storeId")
    version = input.expected_version
    return {"actor": info.context.actor, "store_id": store_id, "expected_version": version}


def _own_company(info: Info, id: str) -> UUID:
    """The key of a company that the actor runs, before the scope is widened to it."""
    key = key_of(Company, id, "companyId")
    if not info.context.actor.acts_for(key, COMPANY_ROLES):
        raise not_found(Company, "companyId")
    return key
