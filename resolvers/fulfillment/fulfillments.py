"""The store's queue and the steps of its staff."""

from dataclasses import dataclass, field
from typing import Annotated, Any

import strawberry

from dataloaders import fulfillment as load
from models.fulfillment import Fulfillment, FulfillmentAction, FulfillmentLine
from models.stores import Store
from resolvers.context import Info
from resolvers.fulfillment.inputs import (
    FulfillmentAcceptInput,
    FulfillmentLinePickInput,
    FulfillmentPackInput,
    FulfillmentRejectInput,
    FulfillmentStageInput,
)
from resolvers.mutations import attempt, of
from services.core import access
from services.core.pages import Page
from services.core.problems import key_if_given, key_of
from services.fulfillment import fulfillments, picking, picking_states, rerouting

StoreId = Annotated[strawberry.ID, strawberry.argument(description="The store: one of yours.")]
FulfillmentId = Annotated[strawberry.ID, strawberry.argument(description="Its id.")]
First = Annotated[int, strawberry.argument(description="How many, from 1 to 100.")]
After = Annotated[str | None, strawberry.argument(description="The cursor to continue after.")]


@dataclass
class FulfillmentOutcome:
    """What the fulfillment's writes answer: the row as it is now, or every reason against it."""

    fulfillment: Fulfillment | None = None
    errors: list[Any] = field(default_factory=list)


async def queue(
    info: Info, store_id: StoreId, first: First, after: After = None
) -> Page[Fulfillment]:
    actor, store = info.context.actor, key_of(Store, store_id, "storeId")
    async with info.context.read() as session:
        return await fulfillments.queue(
            session, actor=actor, store_id=store, first=first, cursor=after
        )


async def one(info: Info, id: FulfillmentId) -> Fulfillment:
    key, session = key_of(Fulfillment, id, "id"), info.context.look()
    return await fulfillments.visible(session, actor=info.context.actor, fulfillment_id=key)


async def accept(info: Info, input: FulfillmentAcceptInput) -> FulfillmentOutcome:
    return await attempt(
        info,
        FulfillmentOutcome,
        lambda session: fulfillments.accept(session, **_of(info, input)),
        input=input,
        company_id=of(info, Fulfillment, input.fulfillment_id, "fulfillmentId"),
    )


async def reject(info: Info, input: FulfillmentRejectInput) -> FulfillmentOutcome:
    return await attempt(
        info,
        FulfillmentOutcome,
        lambda session: rerouting.reject(session, reason=input.reason, **_of(info, input)),
        input=input,
        company_id=of(info, Fulfillment, input.fulfillment_id, "fulfillmentId"),
    )


async def pick_line(info: Info, input: FulfillmentLinePickInput) -> FulfillmentOutcome:
    return await attempt(
        info,
        FulfillmentOutcome,
        lambda session: picking.pick_line(session, pick=_pick(input), **_of(info, input)),
        input=input,
        company_id=of(info, Fulfillment, input.fulfillment_id, "fulfillmentId"),
    )


async def pack(info: Info, input: FulfillmentPackInput) -> FulfillmentOutcome:
    return await attempt(
        info,
        FulfillmentOutcome,
        lambda session: picking.pack(session, bags=input.bags, **_of(info, input)),
        input=input,
        company_id=of(info, Fulfillment, input.fulfillment_id, "fulfillmentId"),
    )


async def stage(info: Info, input: FulfillmentStageInput) -> FulfillmentOutcome:
    return await attempt(
        info,
        FulfillmentOutcome,
        lambda session: fulfillments.stage(session, **_of(info, input)),
        input=input,
        company_id=of(info, Fulfillment, input.fulfillment_id, "fulfillmentId"),
    )


def _of(info: Info, input: Any) -> dict[str, Any]:
    """Who steps, on which task, having seen which version."""
    return {
        "actor": info.context.actor,
        "fulfillment_id": key_of(Fulfillment, input.fulfillment_id, "fulfillmentId"),
        "expected_version": input.expected_version,
    }


def _pick(input: FulfillmentLinePickInput) -> picking.Pick:
    line_id = key_if_given(FulfillmentLine, input.line_id, "lineId")
    said = (input.code, input.batch_code, input.damaged_quantity, input.grams)
    return picking.Pick(input.quantity, line_id, *said)


async def available_actions(
    parent: strawberry.Parent[Fulfillment], info: Info
) -> list[FulfillmentAction]:
    lines = await info.context.loaders.load(load.lines_by_fulfillment, parent.id)
    return picking_states.available_actions(parent, lines, info.context.actor)


def handover_code(parent: strawberry.Parent[Fulfillment], info: Info) -> str | None:
    """Null for people of other stores, who may see the row because it is their own order."""
    here = access.works_in(info.context.actor, parent.company_id, parent.store_id)
    return parent.handover_code if here else None
