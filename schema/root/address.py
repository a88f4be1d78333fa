"""Root fields of address books."""

import strawberry

from resolvers import address as resolve
from resolvers.rules import CUSTOMER
from schema.address import AddressRemovePayload, AddressSavePayload
from schema.backing import mutation


@strawberry.type
class Mutation:
    address_save: AddressSavePayload = mutation(
        resolve.save, "Write down a place to deliver to, or over one.", allow=CUSTOMER
    )
    address_remove: AddressRemovePayload = mutation(
        resolve.remove, "Take a place out of your address book.", allow=CUSTOMER
    )
