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


@backed_by(Address, "A saved delivery address of the customer.")
class AddressType(NodeType):
    id: strawberry.ID = id_field(Address)
    label: str = column("The label that the customer gave it.")
    address_line: str = column("Street, number, floor and door.")
    location: GeoPointType = column("Location of the door.")
    gate_code: str = column("Instructions for the gate or entrance.")
    delivery_instructions: str = column("Note for the rider.")
    serviceable: bool = related(
        load.serviceability_by_point,
        "Whether a store delivers to it during its opening hours.",
        by="location",
    )
    created_at: datetime = column("Time when it was saved.")


@backed_by(addresses.AddressLimit, "The customer has the maximum number of addresses.")
class AddressLimitType(ProblemType):
    limit: int = column("The maximum number of addresses.")


AddressSaveError = Annotated[
    NotFoundType | InvalidInputType | AddressLimitType,
    strawberry.union("AddressSaveError", description="Problems that `addressSave` can return."),
]
AddressRemoveError = Annotated[
    NotFoundType,
    strawberry.union("AddressRemoveError", description="Problems that `addressRemove` can return."),
]


@backed_by(resolve.AddressOutcome, "Result of `addressSave`.")
class AddressSavePayload:
    address: AddressType | None = column("The saved address.")
    serviceable: bool | None = field(
        resolve.serviceable,
        "Whether a store delivers there. Addresses that no store serves are saved too.",
    )
    errors: list[AddressSaveError] = column("The problems; empty if the mutation succeeded.")


@backed_by(resolve.AddressOutcome, "Result of `addressRemove`.")
class AddressRemovePayload:
    address: AddressType | None = column("The removed address.")
    errors: list[AddressRemoveError] = column("The problems; empty if the mutation succeeded.")
