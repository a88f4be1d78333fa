from datetime import datetime
from typing import Annotated

import strawberry

import models
from dataloaders import accounts as load
from resolvers.accounts import addresses as resolve
from schema.backing import backed_by, column, field, related
from schema.fields import key
from schema.geo_points import GeoPoint
from schema.nodes import Node
from schema.problems import InvalidInput, NotFound, Problem
from services.accounts import addresses


@backed_by(models.Address, "A place of yours that orders go to.")
class Address(Node):
    id: strawberry.ID = key(models.Address)
    label: str = column("What you call it.")
    line: str = column("Street, number, floor and door.")
    point: GeoPoint = column("Where the door is.")
    gate_code: str = column("How to get through the gate.")
    drop_note: str = column("What the rider should know.")
    serviceable: bool = related(
        load.served_by_point, "Whether a store delivers there, in its hours.", by="point"
    )
    created_at: datetime = column("When you wrote it down.")


@backed_by(addresses.AddressLimit, "Your address book is full.")
class AddressLimit(Problem):
    most: int = column("The most that a book holds.")


AddressSaveError = Annotated[
    NotFound | InvalidInput | AddressLimit,
    strawberry.union("AddressSaveError", description="Why the address was not kept."),
]
AddressRemoveError = Annotated[
    NotFound,
    strawberry.union("AddressRemoveError", description="Why the address is still there."),
]


@backed_by(resolve.AddressOutcome, "What addressSave did.")
class AddressSavePayload:
    address: Address | None = column("The address as it is kept.")
    serviceable: bool | None = field(
        resolve.serviceable, "Whether a store delivers there; one that nobody serves is kept too."
    )
    errors: list[AddressSaveError] = column("Every reason why nothing was done.")


@backed_by(resolve.AddressOutcome, "What addressRemove did.")
class AddressRemovePayload:
    address: Address | None = column("The address that was taken out of the book.")
    errors: list[AddressRemoveError] = column("Every reason why nothing was done.")
