"""Root fields of transfers between stores."""

import strawberry

from resolvers.rules import MANAGER, STORE
from resolvers.transfers import transfers as transfer_resolvers
from schema.backing import field, mutation
from schema.pages import ConnectionType
from schema.transfers.transfers import (
    StockTransferType,
    TransferApprovePayload,
    TransferCancelPayload,
    TransferReceivePayload,
    TransferRejectPayload,
    TransferRequestPayload,
    TransferShipPayload,
    TransferStartPickingPayload,
)


@strawberry.type
class TransferQuery:
    transfer: StockTransferType | None = field(
        transfer_resolvers.get_transfer,
        "A transfer by its id, for both of its stores.",
        allow=STORE,
    )
    transfers: ConnectionType[StockTransferType] | None = field(
        transfer_resolvers.list_of_store,
        "The transfers to and from a store, newest first.",
        allow=STORE,
    )


@strawberry.type
class TransferMutation:
    transfer_request: TransferRequestPayload | None = mutation(
        transfer_resolvers.request, "Requests a transfer of goods between two stores.", allow=STORE
    )
    transfer_approve: TransferApprovePayload | None = mutation(
        transfer_resolvers.approve, "Approves a transfer, as the source store.", allow=MANAGER
    )
    transfer_reject: TransferRejectPayload | None = mutation(
        transfer_resolvers.reject, "Rejects a transfer, as the source store.", allow=MANAGER
    )
    transfer_start_picking: TransferStartPickingPayload | None = mutation(
        transfer_resolvers.start_picking, "Starts to pick the goods of a transfer.", allow=STORE
    )
    transfer_ship: TransferShipPayload | None = mutation(
        transfer_resolvers.ship,
        "Ships a transfer: the goods leave the stock of the source store.",
        allow=STORE,
    )
    transfer_receive: TransferReceivePayload | None = mutation(
        transfer_resolvers.receive,
        "Receives a transfer, with its damaged and missing units.",
        allow=STORE,
    )
    transfer_cancel: TransferCancelPayload | None = mutation(
        transfer_resolvers.cancel, "Cancels a transfer before it is shipped.", allow=MANAGER
    )
