"""Root fields of people and their addresses."""

import strawberry

from resolvers.accounts import addresses as address_resolvers
from resolvers.accounts import people as person_resolvers
from resolvers.rules import CUSTOMER, SIGNED_IN
from schema.accounts.addresses import AddressRemovePayload, AddressSavePayload
from schema.accounts.people import PersonUpdatePayload, ViewerType
from schema.backing import field, mutation


@strawberry.type
class PersonQuery:
    viewer: ViewerType | None = field(
        person_resolvers.viewer, "The signed-in person; null when nobody is."
    )


@strawberry.type
class PersonMutation:
    person_update: PersonUpdatePayload | None = mutation(
        person_resolvers.update, "Change one's own name or language.", allow=SIGNED_IN
    )


@strawberry.type
class AddressMutation:
    address_save: AddressSavePayload | None = mutation(
        address_resolvers.save, "Write down a place to deliver to, or over one.", allow=CUSTOMER
    )
    address_remove: AddressRemovePayload | None = mutation(
        address_resolvers.remove, "Take a place out of your address book.", allow=CUSTOMER
    )
