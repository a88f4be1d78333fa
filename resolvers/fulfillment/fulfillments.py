"""Fulfillments: the store's queue and the steps of its staff."""

from dataclasses import dataclass, field
from typing import Annotated, Any
from uuid import UUID

import strawberry

from dataloaders import fulfillment as load
from models.fulfillment import Fulfillment, FulfillmentAction, FulfillmentLine
from models.stores import Store
from resolvers.context import Info
from resolvers.fulfillment.inputs import (
    FulfillmentAcceptInput,
    FulfillmentCheckAgeInput,
    FulfillmentCollectInput,
    FulfillmentGiveBackInput,
    FulfillmentLinePickInput,
    FulfillmentPackInput,
    FulfillmentRejectInput,
    FulfillmentStageInput,
)
from resolvers.mutations import Operation, company_of, run_mutation
from services.core.pages import Page
from services.core.problems import parse_id, parse_optional_id
from services.delivery.delivery_parties import may_see_codes
from services.fulfillment import (
    fulfillment_states,
    fulfillments,
    give_back,
    missing_products,
    picking,
    pickups,
)

StoreId = Annotated[
    strawberry.ID, strawberry.argument(description="A store in which the caller works.")
]
FulfillmentId = Annotated[strawberry.ID, strawberry.argument(description="Its id.")]
First = Annotated[int, strawberry.argument(description="Number of rows, from 1 to 100.")]
After = Annotated[str | None, strawberry.argument(description="The cursor to continue after.")]


@dataclass
class FulfillmentOutcome:
    """The result of a mutation: the fulfillment as it is now, or the errors."""

    fulfillment: Fulfillment | None = None
    errors: list[Any] = field(default_factory=list)


async def store_queue(
    info: Info, store_id: StoreId, first: First, after: After = None
) -> Page[Fulfillment]:
    actor, store = info.context.actor, parse_id(Store, store_id, "storeId")
    async with info.context.read() as session:
        return await fulfillments.store_queue(
            session, actor=actor, store_id=store, first=first, cursor=after
        )


async def fulfillment(info: Info, id: FulfillmentId) -> Fulfillment:
    key, session = parse_id(Fulfillment, id, "id"), info.context.batched_session()
    return await fulfillments.visible_fulfillment(
        session, actor=info.context.actor, fulfillment_id=key
    )


def handover_code(parent: strawberry.Parent[Fulfillment], info: Info) -> str | None:
    """Null for who rides for the company."""
    return parent.handover_code if may_see_codes(parent, info.context.actor) else None


async def accept(info: Info, input: FulfillmentAcceptInput) -> FulfillmentOutcome:
    return await run_step(
        info, input, lambda session: fulfillments.accept(session, **step_arguments(info, input))
    )


async def reject(info: Info, input: FulfillmentRejectInput) -> FulfillmentOutcome:
    async def operation(session: Any) -> Fulfillment:
        arguments = step_arguments(info, input) | {"reason": input.reason}
        arguments["missing_line_ids"] = _missing_lines(input)
        return await missing_products.reject(session, **arguments)

    return await run_step(info, input, operation)


def _missing_lines(input: FulfillmentRejectInput) -> list[UUID]:
    given = enumerate(input.missing_line_ids or ())
    return [parse_id(FulfillmentLine, one, "missingLineIds", str(n)) for n, one in given]


async def pick_line(info: Info, input: FulfillmentLinePickInput) -> FulfillmentOutcome:
    return await run_step(
        info,
        input,
        lambda session: missing_products.pick_line(
            session, pick=_line_pick(input), **step_arguments(info, input)
        ),
    )


async def pack(info: Info, input: FulfillmentPackInput) -> FulfillmentOutcome:
    return await run_step(
        info,
        input,
        lambda session: picking.pack(session, bags=input.bag_count, **step_arguments(info, input)),
    )


async def stage(info: Info, input: FulfillmentStageInput) -> FulfillmentOutcome:
    return await run_step(
        info, input, lambda session: fulfillments.stage(session, **step_arguments(info, input))
    )


async def collect(info: Info, input: FulfillmentCollectInput) -> FulfillmentOutcome:
    proof: Any = {"code": input.pickup_code}
    proof["override"] = input.override.to_override() if input.override else None
    return await run_step(
        info,
        input,
        lambda session: pickups.collect(session, **proof, **step_arguments(info, input)),
    )


async def check_age(info: Info, input: FulfillmentCheckAgeInput) -> FulfillmentOutcome:
    shown = input.to_shown_document()
    return await run_step(
        info,
        input,
        lambda session: pickups.check_age(session, shown=shown, **step_arguments(info, input)),
    )


async def return_to_queue(info: Info, input: FulfillmentGiveBackInput) -> FulfillmentOutcome:
    return await run_step(
        info, input, lambda session: give_back.give_back(session, **step_arguments(info, input))
    )


async def run_step(info: Info, input: Any, operation: Operation) -> FulfillmentOutcome:
    """Run a step in a transaction scoped to the company of the fulfillment."""
    company = company_of(info, Fulfillment, input.fulfillment_id, "fulfillmentId")
    return await run_mutation(info, FulfillmentOutcome, operation, input=input, company_id=company)


def step_arguments(info: Info, input: Any) -> dict[str, Any]:
    """The actor, the fulfillment and the expected version, as keyword arguments of the services."""
    return {
        "actor": info.context.actor,
        "fulfillment_id": parse_id(Fulfillment, input.fulfillment_id, "fulfillmentId"),
        "expected_version": input.expected_version,
    }


def _line_pick(input: FulfillmentLinePickInput) -> picking.LinePick:
    line_id = parse_optional_id(FulfillmentLine, input.line_id, "lineId")
    details = (input.scanned_code, input.batch_code, input.damaged_quantity, input.weight_grams)
    return picking.LinePick(input.quantity, line_id, *details)


async def available_actions(
    parent: strawberry.Parent[Fulfillment], info: Info
) -> list[FulfillmentAction]:
    loaders, actor = info.context.loaders, info.context.actor
    blocked = frozenset[FulfillmentAction]()
    if parent.status in fulfillment_states.READY_FOR_PICKUP:
        state = await loaders.load(load.handover_by_fulfillment, parent.id)
        blocked = state.blocked_store_actions if state else blocked
    lines = await loaders.load(load.lines_by_fulfillment, parent.id)
    return fulfillment_states.available_actions(parent, lines, actor, blocked)
