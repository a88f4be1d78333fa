from datetime import datetime
from typing import Annotated

import strawberry

from dataloaders import accounts as load
from models.accounts import Address
from resolvers.accounts import addresses as resolve
from schema.backing import backed_by, column, field, related
from schema.fields import id_field
from schema.geo_points import GeoPointType
from schema.nodes import NodeType
from schema.problems import InvalidInputType, NotFoundType, ProblemType
from services.accounts import addresses


@backed_by(Address, "A place of yours that orders go to.")
class AddressType(NodeType):
    id: strawberry.ID = id_field(Address)
    label: str = column("What you call it.")
    line: str = column("Street, number, floor and door.")
    point: GeoPointType = column("Where the door is.")
    gate_code: str = column("How to get through the gate.")
    drop_note: str = column("What the rider should know.")
    serviceable: bool = related(
        load.serviceability_by_point, "Whether a store delivers there, in its hours.", by="point"
    )
    created_at: datetime = column("When you wrote it down.")


@backed_by(addresses.AddressLimit, "Your address book is full.")
class AddressLimitType(ProblemType):
    most: int = column("The most that a book holds.")


AddressSaveError = Annotated[
    NotFoundType | InvalidInputType | AddressLimitType,
    strawberry.union("AddressSaveError", description="Why the address was not kept."),
]
AddressRemoveError = Annotated[
    NotFoundType,
    strawberry.union("AddressRemoveError", description="Why the address is still there."),
]


@backed_by(resolve.AddressOutcome, "What addressSave did.")
class AddressSavePayload:
    address: AddressType | None = column("The address as it is kept.")
    serviceable: bool | None = field(
        resolve.serviceable, "Whether a store delivers there; one that nobody serves is kept too."
    )
    errors: list[AddressSaveError] = column("Every reason why nothing was done.")


@backed_by(resolve.AddressOutcome, "What addressRemove did.")
class AddressRemovePayload:
    address: AddressType | None = column("The address that was taken out of the book.")
    errors: list[AddressRemoveError] = column("Every reason why nothing was done.")
