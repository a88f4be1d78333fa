import strawberry

from models.identity import Role
from resolvers.shared_inputs import GeoPointInput, alternative
from services.accounts.addresses import AddressDetails


@strawberry.input(description="Input of `viewerUpdate`. Fields that are left out are not changed.")
class ViewerUpdateInput:
    name: str | None = strawberry.field(description="Up to 100 characters.", default=None)
    language: str | None = strawberry.field(
        description="A language tag such as en, zh-Hant or pt-PT.", default=None
    )


@strawberry.input(description="Input of `addressSave`.")
class AddressSaveInput:
    address_id: strawberry.ID | None = strawberry.field(
        default=None, description="The address to replace; a new one is added if left out."
    )
    label: str = strawberry.field(description="Label such as Home or Work.")
    address_line: str = strawberry.field(description="Street, number, floor and door.")
    location: GeoPointInput = strawberry.field(description="Location of the door.")
    gate_code: str = strawberry.field(
        default="", description="Instructions for the gate or entrance."
    )
    delivery_instructions: str = strawberry.field(default="", description="Note for the rider.")

    def to_details(self) -> AddressDetails:
        """Convert the input. Raises DomainError: InvalidInput for an invalid location."""
        point = self.location.to_point("input", "location")
        return AddressDetails(
            self.label, self.address_line, point, self.gate_code, self.delivery_instructions
        )


@strawberry.input(description="Input of `addressRemove`.")
class AddressRemoveInput:
    address_id: strawberry.ID = strawberry.field(description="One of the customer's addresses.")


@strawberry.input(description="Input of `emailChangeRequest`.")
class EmailChangeRequestInput:
    email: str = strawberry.field(description="The address that the link is sent to.")


@strawberry.input(description="Input of `emailChangeConfirm`.")
class EmailChangeConfirmInput:
    token: str = strawberry.field(description="The key in the link of the message, after the #.")


@strawberry.input(description="Input of `phoneChange`.")
class PhoneChangeInput:
    phone: str = strawberry.field(description="The phone to which `otpRequest` has sent a code.")
    code: str = strawberry.field(
        description="The digits of the text message; six, or `digitCount`."
    )
    challenge: str | None = strawberry.field(
        default=None, description="The challenge that otpRequest returned; see otpSignIn."
    )


@strawberry.input(one_of=True, description="The phone or the e-mail address of a person.")
class InvitationContactInput:
    phone: str | None = alternative("The phone of the invited.")
    email: str | None = alternative("The e-mail address of the invited.")


@strawberry.input(description="Input of `invitationCreate`.")
class InvitationCreateInput:
    role: Role = strawberry.field(description="The offered role.")
    contact: InvitationContactInput = strawberry.field(
        description="Where the message with the invitation goes."
    )
    company_id: strawberry.ID | None = strawberry.field(
        description="The company; left out for roles of the whole platform.", default=None
    )
    store_id: strawberry.ID | None = strawberry.field(
        description="The store, for store managers and staff.", default=None
    )


@strawberry.input(description="Input of `invitationResend`.")
class InvitationResendInput:
    invitation_id: strawberry.ID = strawberry.field(description="The invitation.")


@strawberry.input(description="Input of `invitationRevoke`.")
class InvitationRevokeInput:
    invitation_id: strawberry.ID = strawberry.field(description="The invitation.")


@strawberry.input(description="Input of `invitationAccept`.")
class InvitationAcceptInput:
    token: str | None = strawberry.field(
        description="The key in the link of the message, after the #.", default=None
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


@strawberry.input(description="Input of `invitationDecline`.")
class InvitationDeclineInput:
    token: str | None = strawberry.field(
        description="The key in the link of the message, after the #.", default=None
    )
    invitation_id: strawberry.ID | None = strawberry.field(
        description="One of `viewer.invitations`.", default=None
    )
