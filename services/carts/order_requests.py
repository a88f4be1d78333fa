"""Checks what a client requests before anything is read for it."""

from collections.abc import Iterator, Sequence
from uuid import UUID

from models.orders import FulfillmentMethod
from services.carts import totals
from services.carts.baskets import MAX_LINES, MAX_UNITS_PER_LINE, OrderRequest, RequestedLine
from services.core.problems import DomainError, InvalidInput, Problem, range_problem


def validate_request(request: OrderRequest) -> OrderRequest:
    """Return the request. Raises DomainError: InvalidInput for each invalid value."""
    problems: list[Problem] = [*_destination_problems(request)]
    if not 0 <= request.tip_minor <= totals.MAX_TIP_MINOR:
        problems.append(range_problem(["input", "tipMinor"], 0, totals.MAX_TIP_MINOR))
    problems += line_problems(request.lines or ())
    if problems:
        raise DomainError(*problems)
    return request


def _destination_problems(request: OrderRequest) -> Iterator[Problem]:
    """What is wrong with where the order goes: an address or a point, or a store to collect at."""
    if request.method is FulfillmentMethod.DELIVERY:
        if (request.address_id is None) == (request.point is None):
            message = "Say where to: by an address or by a point, not both."
            yield InvalidInput(path=["input", "destination"], message=message)
        if request.store_id is not None:
            message = "The address decides which store delivers."
            yield InvalidInput(path=["input", "destination", "pickupStoreId"], message=message)
        return
    if request.store_id is None:
        message = "Say from which store you collect the order."
        yield InvalidInput(path=["input", "destination", "pickupStoreId"], message=message)
    destination = (
        request.address_id,
        request.point,
        request.address_line,
        request.delivery_instructions,
    )
    if any(destination) or request.tip_minor:
        message = "An order that you collect has no address, no note for a rider and no tip."
        yield InvalidInput(path=["input"], message=message)


def line_problems(lines: Sequence[RequestedLine]) -> list[Problem]:
    """A problem for each invalid quantity and for each product that is listed twice."""
    path = ["input", "lines"]
    if len(lines) > MAX_LINES:
        return [InvalidInput(path=path, message=f"An order has at most {MAX_LINES} lines.")]
    problems: list[Problem] = []
    seen: set[UUID] = set()
    for index, line in enumerate(lines):
        if not 1 <= line.quantity <= MAX_UNITS_PER_LINE:
            message = f"A quantity is from 1 to {MAX_UNITS_PER_LINE}."
            problems.append(InvalidInput(path=[*path, str(index), "quantity"], message=message))
        if line.product_id in seen:
            message = "This product is in the list twice."
            problems.append(InvalidInput(path=[*path, str(index), "productId"], message=message))
        seen.add(line.product_id)
    return problems
