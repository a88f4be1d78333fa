"""Root fields of people and their addresses."""

import strawberry

from resolvers.accounts import addresses as address_resolvers
from resolvers.accounts import contacts as contact_resolvers
from resolvers.accounts import invitations as invitation_resolvers
from resolvers.accounts import people as person_resolvers
from resolvers.rules import ANYONE, CUSTOMER, MANAGER, SIGNED_IN
from schema.accounts.addresses import AddressRemovePayload, AddressSavePayload
from schema.accounts.contacts import (
    EmailChangeConfirmPayload,
    EmailChangeRequestPayload,
    PhoneChangePayload,
)
from schema.accounts.invitations import (
    InvitationAcceptPayload,
    InvitationCreatePayload,
    InvitationDeclinePayload,
    InvitationResendPayload,
    InvitationRevokePayload,
    InvitationType,
)
from schema.accounts.people import ViewerType, ViewerUpdatePayload
from schema.backing import field, mutation
from schema.pages import ConnectionType


@strawberry.type
class PersonQuery:
    viewer: ViewerType | None = field(
        person_resolvers.viewer, "The signed-in person; null if nobody is signed in."
    )


@strawberry.type
class InvitationQuery:
    invitations: ConnectionType[InvitationType] | None = field(
        invitation_resolvers.list_managed,
        "Invitations to roles that the caller may give, newest first.",
        allow=MANAGER,
    )
    invitation_by_link: InvitationType | None = field(
        invitation_resolvers.by_link,
        "The invitation of a link; null if it cannot be answered now.",
    )


@strawberry.type
class InvitationMutation:
    invitation_create: InvitationCreatePayload | None = mutation(
        invitation_resolvers.create,
        "Offers a role to the owner of a phone or an e-mail address, who gets a"
        " message and may accept within 7 days. Company admins invite to their"
        " company, store managers invite staff to their store, super admins invite"
        " everywhere. The answer is the same whether the contact is known or not.",
        allow=MANAGER,
    )
    invitation_resend: InvitationResendPayload | None = mutation(
        invitation_resolvers.resend,
        "Sends the message of a pending invitation again: at most five times, a"
        " minute apart. Links of earlier messages become invalid.",
        allow=MANAGER,
    )
    invitation_revoke: InvitationRevokePayload | None = mutation(
        invitation_resolvers.revoke, "Revokes a pending invitation.", allow=MANAGER
    )
    invitation_accept: InvitationAcceptPayload | None = mutation(
        invitation_resolvers.accept,
        "Accepts an invitation. The link of an e-mail needs no sign-in; people"
        " without an account get one with the given password. An invitation by phone"
        " is accepted after signing in with a code.",
        allow=ANYONE,
    )
    invitation_decline: InvitationDeclinePayload | None = mutation(
        invitation_resolvers.decline, "Declines an invitation.", allow=ANYONE
    )


@strawberry.type
class PersonMutation:
    viewer_update: ViewerUpdatePayload | None = mutation(
        person_resolvers.update,
        "Changes the name or the language of the signed-in person.",
        allow=SIGNED_IN,
    )
    email_change_request: EmailChangeRequestPayload | None = mutation(
        contact_resolvers.email_change_request,
        "Sends a link to a new e-mail address of the signed-in person. The answer is the same"
        " whether another account has the address or not.",
        allow=SIGNED_IN,
    )
    email_change_confirm: EmailChangeConfirmPayload | None = mutation(
        contact_resolvers.email_change_confirm,
        "Sets the e-mail address of a link as that of the signed-in person; the"
        " previous address is notified.",
        allow=SIGNED_IN,
    )
    phone_change: PhoneChangePayload | None = mutation(
        contact_resolvers.phone_change,
        "Sets the phone of the signed-in person, verified by the code that"
        " `otpRequest` has sent to it; the previous phone is notified.",
        allow=SIGNED_IN,
    )


@strawberry.type
class AddressMutation:
    address_save: AddressSavePayload | None = mutation(
        address_resolvers.save, "Saves a delivery address, or replaces one.", allow=CUSTOMER
    )
    address_remove: AddressRemovePayload | None = mutation(
        address_resolvers.remove, "Removes a saved address.", allow=CUSTOMER
    )
