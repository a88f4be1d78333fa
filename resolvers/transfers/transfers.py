"""Transfers between stores: asked for, agreed to, shipped and received by the people of both."""

from dataclasses import dataclass, field
from typing import Annotated, Any

import strawberry

from models.stores import Store
from models.transfers import Transfer, TransferAction, TransferDirection, TransferStatus
from resolvers.context import Info
from resolvers.mutations import Company, attempt, of
from resolvers.transfers.inputs import (
    TransferEndInput,
    TransferReceiveInput,
    TransferRequestInput,
    TransferShipInput,
    TransferStepInput,
    wanted,
)
from services.core.pages import Page
from services.core.problems import key_of
from services.transfers import transfer_queries, transfer_states, transfers

TransferId = Annotated[strawberry.ID, strawberry.argument(description="Its id.")]
StoreId = Annotated[strawberry.ID, strawberry.argument(description="The store: one of yours.")]
First = Annotated[int, strawberry.argument(description="How many, from 1 to 100.")]
After = Annotated[str | None, strawberry.argument(description="The cursor to continue after.")]
Direction = Annotated[
    TransferDirection | None,
    strawberry.argument(description="Only what comes, or only what goes; both when left out."),
]
Status = Annotated[
    TransferStatus | None, strawberry.argument(description="Only these; all when left out.")
]


@dataclass
class TransferOutcome:
    """What the transfer's writes answer: the row as it is now, or every reason against it."""

    transfer: Transfer | None = None
    errors: list[Any] = field(default_factory=list)


async def one(info: Info, id: TransferId) -> Transfer:
    key = key_of(Transfer, id, "id")
    async with info.context.read() as session:
        return await transfer_queries.visible(session, actor=info.context.actor, transfer_id=key)


async def of_store(
    info: Info,
    store_id: StoreId,
    first: First,
    after: After = None,
    direction: Direction = None,
    status: Status = None,
) -> Page[Transfer]:
    store = key_of(Store, store_id, "storeId")
    asked = transfer_queries.Asked(store, first, after, direction, status)
    async with info.context.read() as session:
        return await transfer_queries.of_store(session, actor=info.context.actor, asked=asked)


async def request(info: Info, input: TransferRequestInput) -> TransferOutcome:
    return await attempt(
        info,
        TransferOutcome,
        lambda session: transfers.request(session, **_request(info, input)),
        input=input,
        company_id=of(info, Store, input.destination_id, "destinationId"),
    )


async def approve(info: Info, input: TransferStepInput) -> TransferOutcome:
    return await attempt(
        info,
        TransferOutcome,
        lambda session: transfers.approve(session, **_of(info, input)),
        input=input,
        company_id=_company(info, input),
    )


async def reject(info: Info, input: TransferEndInput) -> TransferOutcome:
    return await attempt(
        info,
        TransferOutcome,
        lambda session: transfers.reject(session, note=input.note, **_of(info, input)),
        input=input,
        company_id=_company(info, input),
    )


async def cancel(info: Info, input: TransferEndInput) -> TransferOutcome:
    return await attempt(
        info,
        TransferOutcome,
        lambda session: transfers.cancel(session, note=input.note, **_of(info, input)),
        input=input,
        company_id=_company(info, input),
    )


async def pick(info: Info, input: TransferStepInput) -> TransferOutcome:
    return await attempt(
        info,
        TransferOutcome,
        lambda session: transfers.pick(session, **_of(info, input)),
        input=input,
        company_id=_company(info, input),
    )


async def ship(info: Info, input: TransferShipInput) -> TransferOutcome:
    return await attempt(
        info,
        TransferOutcome,
        lambda session: transfers.ship(session, lines=input.going(), **_of(info, input)),
        input=input,
        company_id=_company(info, input),
    )


async def receive(info: Info, input: TransferReceiveInput) -> TransferOutcome:
    return await attempt(
        info,
        TransferOutcome,
        lambda session: transfers.receive(session, differences=input.said(), **_of(info, input)),
        input=input,
        company_id=_company(info, input),
    )


def _company(info: Info, input: Any) -> Company:
    return of(info, Transfer, input.transfer_id, "transferId")


def _of(info: Info, input: Any) -> dict[str, Any]:
    """Who takes a step, with which transfer, as they saw it."""
    return {
        "actor": info.context.actor,
        "transfer_id": key_of(Transfer, input.transfer_id, "transferId"),
        "expected_version": input.expected_version,
    }


def _request(info: Info, input: TransferRequestInput) -> dict[str, Any]:
    return {
        "actor": info.context.actor,
        "source_id": key_of(Store, input.source_id, "sourceId"),
        "destination_id": key_of(Store, input.destination_id, "destinationId"),
        "lines": wanted(input.lines),
        "note": input.note,
    }


def available_actions(parent: strawberry.Parent[Transfer], info: Info) -> list[TransferAction]:
    return transfer_states.available_actions(parent, info.context.actor)
