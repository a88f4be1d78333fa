from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import strawberry

from dataloaders import accounts as load
from models.accounts import Address
from resolvers.accounts.inputs import AddressRemoveInput, AddressSaveInput
from resolvers.context import Info
from resolvers.mutations import run_mutation
from services.accounts import addresses
from services.core.problems import parse_id, parse_optional_id


@dataclass
class AddressOutcome:
    """The outcome of a change of the saved addresses."""

    address: Address | None = None
    errors: list[Any] = field(default_factory=list)


async def save(info: Info, input: AddressSaveInput) -> AddressOutcome:
    async def operation(session: Any) -> Address:
        key = parse_optional_id(Address, input.address_id, "addressId")
        return await addresses.save_address(
            session, person_id=_me(info), details=input.to_details(), address_id=key
        )

    return await run_mutation(info, AddressOutcome, operation, input=input)


async def remove(info: Info, input: AddressRemoveInput) -> AddressOutcome:
    async def operation(session: Any) -> Address:
        key = parse_id(Address, input.address_id, "addressId")
        return await addresses.remove_address(session, person_id=_me(info), address_id=key)

    return await run_mutation(info, AddressOutcome, operation, input=input)


async def serviceable(parent: strawberry.Parent[AddressOutcome], info: Info) -> bool | None:
    if parent.address is None:
        return None
    return await info.context.loaders.load(load.serviceability_by_point, parent.address.location)


def _me(info: Info) -> UUID:
    person_id = info.context.actor.person_id
    if person_id is None:
        raise PermissionError("the access rule requires a signed-in person")
    return person_id
