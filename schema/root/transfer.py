"""Root fields of goods between stores."""

import strawberry

from resolvers import transfer as resolve
from resolvers.rules import MANAGER, STORE
from schema.backing import field, mutation
from schema.page import Connection
from schema.transfer import (
    Transfer,
    TransferApprovePayload,
    TransferCancelPayload,
    TransferPickPayload,
    TransferReceivePayload,
    TransferRejectPayload,
    TransferRequestPayload,
    TransferShipPayload,
)


@strawberry.type
class Query:
    transfer: Transfer | None = field(
        resolve.one, "A transfer to or from a store of yours.", allow=STORE
    )
    transfers: Connection[Transfer] | None = field(
        resolve.of_store, "The transfers to and from your store, newest first.", allow=STORE
    )


@strawberry.type
class Mutation:
    transfer_request: TransferRequestPayload = mutation(
        resolve.request, "Ask another store for goods, or offer it some.", allow=STORE
    )
    transfer_approve: TransferApprovePayload = mutation(
        resolve.approve, "Agree to give the goods that were asked for.", allow=MANAGER
    )
    transfer_reject: TransferRejectPayload = mutation(
        resolve.reject, "Turn a request for goods down.", allow=MANAGER
    )
    transfer_pick: TransferPickPayload = mutation(
        resolve.pick, "Begin to gather the goods.", allow=STORE
    )
    transfer_ship: TransferShipPayload = mutation(
        resolve.ship, "Send the goods off: they leave the shelf and are on their way.", allow=STORE
    )
    transfer_receive: TransferReceivePayload = mutation(
        resolve.receive, "Take the goods in, and say what is damaged or missing.", allow=STORE
    )
    transfer_cancel: TransferCancelPayload = mutation(
        resolve.cancel, "Call a transfer off before it is shipped.", allow=MANAGER
    )
