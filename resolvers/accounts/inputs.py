import strawberry

from models.identity import Role
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


@strawberry.input(description="A new e-mail address of the signed-in person.")
class EmailChangeRequestInput:
    email: str = strawberry.field(description="The address that the link is sent to.")


@strawberry.input(description="The proof of a new e-mail address.")
class EmailChangeConfirmInput:
    token: str = strawberry.field(description="The key in the link that was sent, after the #.")


@strawberry.input(description="A new phone of the signed-in person, with the proof of it.")
class PhoneChangeInput:
    phone: str = strawberry.field(description="The phone that `otpRequest` has sent a code to.")
    code: str = strawberry.field(description="The six digits.")
    challenge: str | None = strawberry.field(
        default=None, description="What otpRequest returned; see otpVerify."
    )


@strawberry.input(description="A role that is offered to somebody, who may accept it.")
class InvitationCreateInput:
    role: Role = strawberry.field(description="What the invited may do once they accept.")
    phone: str | None = strawberry.field(
        description="The phone of the invited; either this or an e-mail.", default=None
    )
    email: str | None = strawberry.field(
        description="The e-mail of the invited; either this or a phone.", default=None
    )
    company_id: strawberry.ID | None = strawberry.field(
        description="Where: left out for roles of the whole platform.", default=None
    )
    store_id: strawberry.ID | None = strawberry.field(
        description="In which store of that company: for store managers and staff.", default=None
    )


@strawberry.input(description="An invitation to send again.")
class InvitationResendInput:
    invitation_id: strawberry.ID = strawberry.field(description="The invitation.")


@strawberry.input(description="An invitation to take back.")
class InvitationRevokeInput:
    invitation_id: strawberry.ID = strawberry.field(description="The invitation.")


@strawberry.input(description="An invitation to accept: by its link, or by its id when signed in.")
class InvitationAcceptInput:
    token: str | None = strawberry.field(
        description="The key in the link that was sent, after the #.", default=None
    )
    invitation_id: strawberry.ID | None = strawberry.field(
        description="One of `viewer.invitations`.", default=None
    )
    password: str | None = strawberry.field(
        description="A new password of 10 to 128 characters: for those without an account.",
        default=None,
    )
    name: str = strawberry.field(
        description="The name of the person, for those without an account. Max 100 characters.",
        default="",
    )


@strawberry.input(description="An invitation to decline: by its link, or by its id when signed in.")
class InvitationDeclineInput:
    token: str | None = strawberry.field(
        description="The key in the link that was sent, after the #.", default=None
    )
    invitation_id: strawberry.ID | None = strawberry.field(
        description="One of `viewer.invitations`.", default=None
    )
