"""Transfers between stores: requested, approved, shipped and received by the staff of both."""

from dataclasses import dataclass, field
from typing import Annotated, Any

import strawberry

from models.stores import Store
from models.transfers import (
    StockTransfer,
    StockTransferAction,
    StockTransferDirection,
    StockTransferStatus,
)
from resolvers.context import Info
from resolvers.mutations import CompanyRef, company_of, run_mutation
from resolvers.transfers.inputs import (
    TransferApproveInput,
    TransferCancelInput,
    TransferReceiveInput,
    TransferRejectInput,
    TransferRequestInput,
    TransferShipInput,
    TransferStartPickingInput,
    to_line_quantities,
)
from services.core.pages import Page
from services.core.problems import parse_id
from services.transfers import transfer_queries, transfer_states, transfers

TransferId = Annotated[strawberry.ID, strawberry.argument(description="Its id.")]
StoreId = Annotated[
    strawberry.ID, strawberry.argument(description="A store in which the caller works.")
]
First = Annotated[int, strawberry.argument(description="Number of rows, from 1 to 100.")]
After = Annotated[str | None, strawberry.argument(description="The cursor to continue after.")]
Direction = Annotated[
    StockTransferDirection | None,
    strawberry.argument(description="Only incoming or only outgoing transfers; both if left out."),
]
Status = Annotated[
    StockTransferStatus | None,
    strawberry.argument(description="Only these statuses; all if left out."),
]


@dataclass
class TransferOutcome:
    """Result of a mutation of a transfer: the transfer, or the errors."""

    transfer: StockTransfer | None = None
    errors: list[Any] = field(default_factory=list)


async def get_transfer(info: Info, id: TransferId) -> StockTransfer:
    key = parse_id(StockTransfer, id, "id")
    async with info.context.read() as session:
        return await transfer_queries.visible_transfer(
            session, actor=info.context.actor, transfer_id=key
        )


async def list_of_store(
    info: Info,
    store_id: StoreId,
    first: First,
    after: After = None,
    direction: Direction = None,
    status: Status = None,
) -> Page[StockTransfer]:
    store = parse_id(Store, store_id, "storeId")
    page_request = transfer_queries.TransferPageRequest(store, first, after, direction, status)
    async with info.context.read() as session:
        return await transfer_queries.list_of_store(
            session, actor=info.context.actor, request=page_request
        )


async def request(info: Info, input: TransferRequestInput) -> TransferOutcome:
    return await run_mutation(
        info,
        TransferOutcome,
        lambda session: transfers.request(session, **_request_args(info, input)),
        input=input,
        company_id=company_of(info, Store, input.destination_store_id, "destinationStoreId"),
    )


async def approve(info: Info, input: TransferApproveInput) -> TransferOutcome:
    return await run_mutation(
        info,
        TransferOutcome,
        lambda session: transfers.approve(session, **_step_args(info, input)),
        input=input,
        company_id=_company(info, input),
    )


async def reject(info: Info, input: TransferRejectInput) -> TransferOutcome:
    return await run_mutation(
        info,
        TransferOutcome,
        lambda session: transfers.reject(session, note=input.note, **_step_args(info, input)),
        input=input,
        company_id=_company(info, input),
    )


async def cancel(info: Info, input: TransferCancelInput) -> TransferOutcome:
    return await run_mutation(
        info,
        TransferOutcome,
        lambda session: transfers.cancel(session, note=input.note, **_step_args(info, input)),
        input=input,
        company_id=_company(info, input),
    )


async def start_picking(info: Info, input: TransferStartPickingInput) -> TransferOutcome:
    return await run_mutation(
        info,
        TransferOutcome,
        lambda session: transfers.start_picking(session, **_step_args(info, input)),
        input=input,
        company_id=_company(info, input),
    )


async def ship(info: Info, input: TransferShipInput) -> TransferOutcome:
    return await run_mutation(
        info,
        TransferOutcome,
        lambda session: transfers.ship(session, lines=input.to_lines(), **_step_args(info, input)),
        input=input,
        company_id=_company(info, input),
    )


async def receive(info: Info, input: TransferReceiveInput) -> TransferOutcome:
    return await run_mutation(
        info,
        TransferOutcome,
        lambda session: transfers.receive(
            session, discrepancies=input.to_discrepancies(), **_step_args(info, input)
        ),
        input=input,
        company_id=_company(info, input),
    )


def _company(info: Info, input: Any) -> CompanyRef:
    return company_of(info, StockTransfer, input.transfer_id, "transferId")


def _step_args(info: Info, input: Any) -> dict[str, Any]:
    """The arguments that every step has: the actor, the transfer and its expected version."""
    return {
        "actor": info.context.actor,
        "transfer_id": parse_id(StockTransfer, input.transfer_id, "transferId"),
        "expected_version": input.expected_version,
    }


def _request_args(info: Info, input: TransferRequestInput) -> dict[str, Any]:
    return {
        "actor": info.context.actor,
        "source_id": parse_id(Store, input.source_store_id, "sourceStoreId"),
        "destination_id": parse_id(Store, input.destination_store_id, "destinationStoreId"),
        "lines": to_line_quantities(input.lines),
        "note": input.note,
    }


def available_actions(
    parent: strawberry.Parent[StockTransfer], info: Info
) -> list[StockTransferAction]:
    return transfer_states.MACHINE.available_actions(parent, info.context.actor)
