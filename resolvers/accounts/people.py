from dataclasses import dataclass, field
from typing import Any

import strawberry

from models.accounts import User
from models.identity import Role
from models.stores import Store
from resolvers.accounts.inputs import ViewerUpdateInput
from resolvers.context import Info
from resolvers.mutations import run_mutation
from resolvers.rules import STORE_ROLES, SUPPORT_ROLES
from services.accounts import people
from services.accounts.people import (
    CustomerProfile,
    DeviceSession,
    StaffProfile,
    SupportAgentProfile,
    Viewer,
)


@dataclass
class PersonOutcome:
    """The outcome of `viewerUpdate`."""

    user: User | None = None
    errors: list[Any] = field(default_factory=list)


async def viewer(info: Info) -> Viewer | None:
    async with info.context.read() as session:
        return await people.get_viewer(session, actor=info.context.actor)


async def sessions(parent: strawberry.Parent[Viewer], info: Info) -> list[DeviceSession]:
    async with info.context.read() as session:
        return await people.list_device_sessions(session, actor=parent.actor)


def roles(parent: strawberry.Parent[Viewer]) -> list[Role]:
    return sorted(parent.actor.roles)


def customer(parent: strawberry.Parent[Viewer]) -> CustomerProfile | None:
    return CustomerProfile(parent.person) if Role.CUSTOMER in parent.actor.roles else None


def staff(parent: strawberry.Parent[Viewer]) -> StaffProfile | None:
    return StaffProfile(parent.actor) if parent.actor.roles & STORE_ROLES else None


async def stores(parent: strawberry.Parent[StaffProfile], info: Info) -> list[Store]:
    async with info.context.read() as session:
        return await people.list_staff_stores(session, actor=parent.actor)


def platform(parent: strawberry.Parent[SupportAgentProfile]) -> bool:
    return parent.actor.is_platform_staff


def support_agent(parent: strawberry.Parent[Viewer]) -> SupportAgentProfile | None:
    return SupportAgentProfile(parent.actor) if parent.actor.roles & SUPPORT_ROLES else None


async def update(info: Info, input: ViewerUpdateInput) -> PersonOutcome:
    return await run_mutation(
        info,
        PersonOutcome,
        lambda session: people.update_person(
            session, actor=info.context.actor, name=input.name, language=input.language
        ),
        input=input,
    )
