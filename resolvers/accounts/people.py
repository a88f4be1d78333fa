from dataclasses import dataclass, field
from typing import Any

import strawberry

from models.accounts import Person
from models.identity import Role
from models.stores import Store
from resolvers.accounts.inputs import PersonUpdateInput
from resolvers.context import Info
from resolvers.mutations import attempt
from resolvers.rules import STORE_ROLES, SUPPORT_ROLES
from services.accounts import people
from services.accounts.people import CustomerSelf, Device, StaffSelf, SupportAgentSelf, Viewer


@dataclass
class PersonOutcome:
    """What `personUpdate` answers."""

    person: Person | None = None
    errors: list[Any] = field(default_factory=list)


async def viewer(info: Info) -> Viewer | None:
    async with info.context.read() as session:
        return await people.viewer(session, actor=info.context.actor)


async def sessions(parent: strawberry.Parent[Viewer], info: Info) -> list[Device]:
    async with info.context.read() as session:
        return await people.devices(session, actor=parent.actor)


def roles(parent: strawberry.Parent[Viewer]) -> list[Role]:
    return sorted(parent.actor.roles)


def customer(parent: strawberry.Parent[Viewer]) -> CustomerSelf | None:
    return CustomerSelf(parent.person) if Role.CUSTOMER in parent.actor.roles else None


def staff(parent: strawberry.Parent[Viewer]) -> StaffSelf | None:
    return StaffSelf(parent.actor) if parent.actor.roles & STORE_ROLES else None


async def stores(parent: strawberry.Parent[StaffSelf], info: Info) -> list[Store]:
    async with info.context.read() as session:
        return await people.stores(session, actor=parent.actor)


def platform(parent: strawberry.Parent[SupportAgentSelf]) -> bool:
    return parent.actor.platform


def support_agent(parent: strawberry.Parent[Viewer]) -> SupportAgentSelf | None:
    return SupportAgentSelf(parent.actor) if parent.actor.roles & SUPPORT_ROLES else None


async def update(info: Info, input: PersonUpdateInput) -> PersonOutcome:
    return await attempt(
        info,
        PersonOutcome,
        lambda session: people.update(
            session, actor=info.context.actor, name=input.name, language=input.language
        ),
        input=input,
    )
