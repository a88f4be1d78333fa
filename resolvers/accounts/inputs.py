import strawberry

from resolvers.shared_inputs import GeoPointInput
from services.accounts.addresses import AddressDetails


@strawberry.input(description="What to change about oneself; what is left out stays.")
class PersonUpdateInput:
    name: str | None = strawberry.field(description="Up to 100 characters.", default=None)
    language: str | None = strawberry.field(
        description="A language tag such as en, zh-Hant or pt-PT.", default=None
    )


@strawberry.input(description="A place to deliver to.")
class AddressSaveInput:
    address_id: strawberry.ID | None = strawberry.field(
        default=None, description="The address to write over; a new one without it."
    )
    label: str = strawberry.field(description="What its owner calls it: Home, Work.")
    line: str = strawberry.field(description="Street, number, floor and door.")
    at: GeoPointInput = strawberry.field(description="Where the door is.")
    gate_code: str = strawberry.field(default="", description="How to get through the gate.")
    drop_note: str = strawberry.field(default="", description="What the rider should know.")

    def to_details(self) -> AddressDetails:
        """Convert the input. Raises DomainError: InvalidInput for an invalid location."""
        point = self.at.to_point("input", "at")
        return AddressDetails(self.label, self.line, point, self.gate_code, self.drop_note)


@strawberry.input(description="Which address to forget.")
class AddressRemoveInput:
    address_id: strawberry.ID = strawberry.field(description="An address of yours.")
