"""Root fields of transfers between stores."""

import strawberry

from resolvers.rules import MANAGER, STORE
from resolvers.transfers import transfers as transfer_resolvers
from schema.backing import field, mutation
from schema.pages import ConnectionType
from schema.transfers.transfers import (
    TransferApprovePayload,
    TransferCancelPayload,
    TransferPickPayload,
    TransferReceivePayload,
    TransferRejectPayload,
    TransferRequestPayload,
    TransferShipPayload,
    TransferType,
)


@strawberry.type
class TransferQuery:
    transfer: TransferType | None = field(
        transfer_resolvers.get_transfer, "A transfer to or from a store of yours.", allow=STORE
    )
    transfers: ConnectionType[TransferType] | None = field(
        transfer_resolvers.list_of_store,
        "The transfers to and from your store, newest first.",
        allow=STORE,
    )


@strawberry.type
class TransferMutation:
    transfer_request: TransferRequestPayload | None = mutation(
        transfer_resolvers.request, "Ask another store for goods, or offer it some.", allow=STORE
    )
    transfer_approve: TransferApprovePayload | None = mutation(
        transfer_resolvers.approve, "Agree to give the goods that were asked for.", allow=MANAGER
    )
    transfer_reject: TransferRejectPayload | None = mutation(
        transfer_resolvers.reject, "Turn a request for goods down.", allow=MANAGER
    )
    transfer_pick: TransferPickPayload | None = mutation(
        transfer_resolvers.start_picking, "Begin to gather the goods.", allow=STORE
    )
    transfer_ship: TransferShipPayload | None = mutation(
        transfer_resolvers.ship,
        "Send the goods off: they leave the shelf and are on their way.",
        allow=STORE,
    )
    transfer_receive: TransferReceivePayload | None = mutation(
        transfer_resolvers.receive,
        "Take the goods in, and say what is damaged or missing.",
        allow=STORE,
    )
    transfer_cancel: TransferCancelPayload | None = mutation(
        transfer_resolvers.cancel, "Call a transfer off before it is shipped.", allow=MANAGER
    )
