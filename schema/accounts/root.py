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
from schema.accounts.people import PersonUpdatePayload, ViewerType
from schema.backing import field, mutation
from schema.pages import ConnectionType


@strawberry.type
class PersonQuery:
    viewer: ViewerType | None = field(
        person_resolvers.viewer, "The signed-in person; null when nobody is."
    )


@strawberry.type
class InvitationQuery:
    invitations: ConnectionType[InvitationType] | None = field(
        invitation_resolvers.list_managed,
        "The invitations to roles that the caller may give, the newest first.",
        allow=MANAGER,
    )
    invitation_by_link: InvitationType | None = field(
        invitation_resolvers.by_link,
        "The invitation of a link. Null unless it can be answered now.",
        cost=5,
    )


@strawberry.type
class InvitationMutation:
    invitation_create: InvitationCreatePayload | None = mutation(
        invitation_resolvers.create,
        "Offers a role to the owner of a phone or an e-mail address, who is sent a message and may"
        " accept within 7 days. Company admins invite to their company, store managers staff to"
        " their store, super admins everywhere. The answer is the same whether the contact is"
        " known or not.",
        allow=MANAGER,
    )
    invitation_resend: InvitationResendPayload | None = mutation(
        invitation_resolvers.resend,
        "Sends the message of a pending invitation again: at most five times in all, a minute"
        " apart. Links of earlier messages end.",
        allow=MANAGER,
    )
    invitation_revoke: InvitationRevokePayload | None = mutation(
        invitation_resolvers.revoke, "Takes a pending invitation back.", allow=MANAGER
    )
    invitation_accept: InvitationAcceptPayload | None = mutation(
        invitation_resolvers.accept,
        "Takes the role of an invitation. By the link of a mail nobody has to be signed in;"
        " whoever has no account yet gets one with the password. An invitation by phone is"
        " accepted after signing in with the phone's code.",
        allow=ANYONE,
    )
    invitation_decline: InvitationDeclinePayload | None = mutation(
        invitation_resolvers.decline, "Refuses the role of an invitation.", allow=ANYONE
    )


@strawberry.type
class PersonMutation:
    person_update: PersonUpdatePayload | None = mutation(
        person_resolvers.update, "Change one's own name or language.", allow=SIGNED_IN
    )
    email_change_request: EmailChangeRequestPayload | None = mutation(
        contact_resolvers.email_change_request,
        "Sends a link to a new e-mail address of the signed-in person. The answer is the same"
        " whether another account has the address or not.",
        allow=SIGNED_IN,
    )
    email_change_confirm: EmailChangeConfirmPayload | None = mutation(
        contact_resolvers.email_change_confirm,
        "Gives the signed-in person the e-mail address of a link; the former one is told.",
        allow=SIGNED_IN,
    )
    phone_change: PhoneChangePayload | None = mutation(
        contact_resolvers.phone_change,
        "Gives the signed-in person a phone, by the code that `otpRequest` has sent to it; the"
        " former one is told.",
        allow=SIGNED_IN,
    )


@strawberry.type
class AddressMutation:
    address_save: AddressSavePayload | None = mutation(
        address_resolvers.save, "Write down a place to deliver to, or over one.", allow=CUSTOMER
    )
    address_remove: AddressRemovePayload | None = mutation(
        address_resolvers.remove, "Take a place out of your address book.", allow=CUSTOMER
    )
