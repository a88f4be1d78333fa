from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import strawberry

from dataloaders import accounts as load
from models.accounts import Address
from resolvers.accounts.inputs import AddressRemoveInput, AddressSaveInput
from resolvers.context import Info
from resolvers.mutations import attempt
from services.accounts import addresses
from services.core.problems import key_if_given, key_of


@dataclass
class AddressOutcome:
    """What a change of the address book answers."""

    address: Address | None = None
    errors: list[Any] = field(default_factory=list)


async def save(info: Info, input: AddressSaveInput) -> AddressOutcome:
    async def verb(session: Any) -> Address:
        key = key_if_given(Address, input.address_id, "addressId")
        return await addresses.save(
            session, person_id=_me(info), facts=input.facts(), address_id=key
        )

    return await attempt(info, AddressOutcome, verb, input=input)


async def remove(info: Info, input: AddressRemoveInput) -> AddressOutcome:
    async def verb(session: Any) -> Address:
        key = key_of(Address, input.address_id, "addressId")
        return await addresses.remove(session, person_id=_me(info), address_id=key)

    return await attempt(info, AddressOutcome, verb, input=input)


async def serviceable(parent: strawberry.Parent[AddressOutcome], info: Info) -> bool | None:
    if parent.address is None:
        return None
    return await info.context.loaders.load(load.served_by_point, parent.address.point)


def _me(info: Info) -> UUID:
    person_id = info.context.actor.person_id
    if person_id is None:
        raise PermissionError("a rule lets nobody but signed-in people come here")
    return person_id
