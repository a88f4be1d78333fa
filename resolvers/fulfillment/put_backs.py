"""Units that have to be put back: the list of a store, and what its staff counted."""

from typing import Any

from models.fulfillment import Fulfillment, PutBackLine
from models.stores import Store
from resolvers.context import Info
from resolvers.fulfillment.fulfillments import (
    After,
    First,
    FulfillmentOutcome,
    StoreId,
    run_step,
    step_arguments,
)
from resolvers.fulfillment.inputs import FulfillmentPutBackInput, PutBackLineInput
from services.core.pages import Page
from services.core.problems import DomainError, InvalidInput, parse_id
from services.fulfillment import fulfillments, put_back
from services.fulfillment.put_back import PutBackCount

MAX_LINES = 500


async def store_put_backs(
    info: Info, store_id: StoreId, first: First, after: After = None
) -> Page[Fulfillment]:
    actor, store = info.context.actor, parse_id(Store, store_id, "storeId")
    async with info.context.read() as session:
        return await fulfillments.open_put_backs(
            session, actor=actor, store_id=store, first=first, cursor=after
        )


async def confirm(info: Info, input: FulfillmentPutBackInput) -> FulfillmentOutcome:
    async def operation(session: Any) -> Fulfillment:
        counts = _counts(input.lines)
        return await put_back.confirm(session, counts=counts, **step_arguments(info, input))

    return await run_step(info, input, operation)


def _counts(lines: list[PutBackLineInput]) -> list[PutBackCount]:
    """The counts as the services take them. Raises DomainError: InvalidInput, NotFound."""
    if len(lines) > MAX_LINES:
        message = f"At most {MAX_LINES} lines."
        raise DomainError(InvalidInput(path=["input", "lines"], message=message))
    return [_count(line, index) for index, line in enumerate(lines)]


def _count(line: PutBackLineInput, index: int) -> PutBackCount:
    line_id = parse_id(PutBackLine, line.line_id, "lines", str(index), "lineId")
    units = (line.returned_quantity, line.wasted_quantity, line.missing_quantity)
    return PutBackCount(line_id, *units, line.waste_reason)
