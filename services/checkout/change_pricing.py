"""Prices a requested change of a paid order: what it would contain and cost."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from models.companies import Company
from models.geo_point import Point
from models.orders import FulfillmentMethod, Order
from services.carts import baskets, totals
from services.carts.age_restrictions import age_problems
from services.carts.basket_problems import (
    EmptyCart,
    ProductUnavailable,
    price_problems,
    total_problems,
)
from services.carts.baskets import OrderRequest, RequestedLine
from services.carts.order_requests import line_problems
from services.carts.sourcing_plans import LISTING_SNAPSHOTS, ListingSnapshot
from services.core.clock import current_time
from services.core.problems import DomainError, InvalidInput, Problem, range_problem
from services.core.text import parse_line
from services.orders.order_snapshots import LineSnapshot, OrderSnapshot
from services.stores.coverage import find_coverage
from services.stores.delivery_estimates import estimate_delivery


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeRequest:
    """What to change of an order; None keeps what is there. `lines` are all lines wanted."""

    lines: tuple[RequestedLine, ...] | None = None
    address_id: UUID | None = None
    point: Point | None = None
    address_line: str | None = None
    delivery_instructions: str | None = None
    tip_minor: int | None = None
    expected_total_minor: int | None = None


async def price_change(
    session: AsyncSession, order: Order, request: ChangeRequest, current: OrderSnapshot
) -> OrderSnapshot:
    """The order as requested, with the prices of now for what is added.

    Returns `current` for a request that changes nothing, whatever estimates are now. A line keeps
    its price unless its quantity grows, and as long as the goods stay the same, the
    fees and the minimum order are those of the order. Raises DomainError with all problems:
    InvalidInput, NotFound, ProductUnavailable, NotServiceable, BelowMinimumOrder, TotalChanged,
    AgeConfirmationRequired when the customer has not confirmed their age for what is added.
    """
    company = await session.get_one(Company, order.company_id)
    values = dict(current.values)
    lines = current.lines
    if request.lines is not None:
        lines = await _price_lines(session, order, request.lines, current, company)
    _check_method(order, request)
    if request.address_id is not None and request.point is not None:
        message = "Say where to: by an address or by a point, not both."
        raise DomainError(InvalidInput(path=["input"], message=message))
    values |= await _destination(session, order, request)
    restricted = [line.product_id for line in lines if line.age_restricted]
    message = "place another order for it, with your age confirmed."
    if unasked := age_problems(restricted, order.minimum_age, "input", "lines", message=message):
        raise DomainError(*unasked)
    tip_minor = values["tip_minor"] if request.tip_minor is None else request.tip_minor
    if not 0 <= tip_minor <= totals.MAX_TIP_MINOR:
        raise DomainError(range_problem(["input", "tipMinor"], 0, totals.MAX_TIP_MINOR))
    values |= _new_amounts(order, request, company, lines, current, tip_minor)
    wanted = OrderSnapshot(lines, values)
    return current if wanted.wishes == current.wishes else wanted


def _new_amounts(
    order: Order,
    request: ChangeRequest,
    company: Company,
    lines: Sequence[LineSnapshot],
    current: OrderSnapshot,
    tip_minor: int,
) -> dict[str, int]:
    """The amounts of the order as requested.

    Raises DomainError: BelowMinimumOrder, TotalChanged.
    """
    expected_minor = request.expected_total_minor
    if {one.product_id: _priced(one) for one in lines} == {
        one.product_id: _priced(one) for one in current.lines
    }:
        total_minor = current.values["total_minor"] - current.values["tip_minor"] + tip_minor
        problems = [*total_problems(total_minor, order.currency, expected_minor)]
        amounts = {"tip_minor": tip_minor, "total_minor": total_minor}
    else:
        new = totals.compute_totals(
            [_priced(line) for line in lines],
            company,
            tip_minor,
            delivers=order.method is FulfillmentMethod.DELIVERY,
            tax_rate_basis_points=order.tax_rate_basis_points,
        )
        problems = [*price_problems(new, expected_minor)]
        names = current.values.keys() & totals.CartTotals.__dataclass_fields__.keys()
        amounts = {name: getattr(new, name) for name in names}
        amounts["authorization_buffer_minor"] = sum(
            line.authorization_buffer_minor for line in lines
        )
    if problems:
        raise DomainError(*problems)
    return amounts


def _check_method(order: Order, request: ChangeRequest) -> None:
    """Raise DomainError: InvalidInput for an address of an order that the customer collects."""
    destination = (
        request.address_id,
        request.point,
        request.address_line,
        request.delivery_instructions,
    )
    if order.method is FulfillmentMethod.PICKUP and (any(destination) or request.tip_minor):
        message = "An order that you collect has no address, no note for a rider and no tip."
        raise DomainError(InvalidInput(path=["input"], message=message))


async def _price_lines(
    session: AsyncSession,
    order: Order,
    lines: Sequence[RequestedLine],
    current: OrderSnapshot,
    company: Company,
) -> tuple[LineSnapshot, ...]:
    if not lines:
        message = "An order has at least one product: cancel it instead."
        raise DomainError(EmptyCart(path=["input", "lines"], message=message))
    if problems := line_problems(lines):
        raise DomainError(*problems)
    known = {line.product_id: line for line in current.lines}
    priced_now = [
        line
        for line in lines
        if line.product_id not in known or line.quantity > known[line.product_id].quantity
    ]
    listings = await _store_listings(session, order.store_id, priced_now)
    if problems := [*_unavailable(lines, priced_now, listings)]:
        raise DomainError(*problems)
    return tuple(
        _snapshot(line, listings[line.product_id], company)
        if line in priced_now
        else _kept(known[line.product_id], line)
        for line in lines
    )


async def _store_listings(
    session: AsyncSession, store_id: UUID, lines: Sequence[RequestedLine]
) -> dict[UUID, ListingSnapshot]:
    """The listings of the lines' products in one store, by product."""
    keys = {"stores": [store_id], "products": [line.product_id for line in lines]}
    rows = await session.execute(LISTING_SNAPSHOTS, keys)
    return {
        product_id: ListingSnapshot(
            name, price, sold, available or 0, grams, per_kilogram, restricted
        )
        for _, product_id, name, price, sold, available, grams, per_kilogram, restricted in rows
    }


def _unavailable(
    lines: Sequence[RequestedLine],
    priced_now: Sequence[RequestedLine],
    listings: Mapping[UUID, ListingSnapshot],
) -> Iterator[Problem]:
    for number, line in enumerate(lines):
        listing = listings.get(line.product_id)
        if line in priced_now and (listing is None or not listing.sold):
            yield ProductUnavailable(
                path=["input", "lines", str(number)],
                message="This store doesn't sell that product now.",
                product_id=line.product_id,
            )


def _snapshot(line: RequestedLine, listing: ListingSnapshot, company: Company) -> LineSnapshot:
    priced = totals.PricedLine(
        line.product_id,
        line.quantity,
        listing.price_minor,
        listing.average_weight_grams,
        listing.price_per_kilogram_minor,
    )
    return LineSnapshot(
        line.product_id,
        listing.name,
        line.quantity,
        listing.price_minor,
        listing.average_weight_grams,
        listing.price_per_kilogram_minor,
        priced.authorization_buffer_minor(company.authorization_buffer_basis_points),
        line.substitution,
        listing.age_restricted,
    )


def _kept(known: LineSnapshot, line: RequestedLine) -> LineSnapshot:
    """A line at its price, with as many units or fewer; its authorization buffer shrinks, too."""
    authorization_buffer_minor = known.authorization_buffer_minor * line.quantity // known.quantity
    return replace(
        known,
        quantity=line.quantity,
        authorization_buffer_minor=authorization_buffer_minor,
        substitution_preference=line.substitution,
    )


def _priced(line: LineSnapshot) -> totals.PricedLine:
    by_weight = line.average_weight_grams, line.price_per_kilogram_minor
    return totals.PricedLine(line.product_id, line.quantity, line.unit_price_minor, *by_weight)


async def _destination(
    session: AsyncSession, order: Order, request: ChangeRequest
) -> dict[str, Any]:
    """The new address with its distance and estimate; only within the zone of the order's store."""
    if request.address_id is None and request.point is None:
        return _texts(order, request)
    destination = OrderRequest(
        address_id=request.address_id,
        point=request.point,
        address_line=request.address_line or "",
        delivery_instructions=request.delivery_instructions or "",
    )
    target = await baskets.resolve_target(session, order.customer_id, destination)
    coverage = await find_coverage(session, target.point, company_id=order.company_id)
    serving = [one for one in coverage.serving_stores if one.store.id == order.store_id]
    if not serving:
        raise coverage.not_serviceable_error("input", "location")
    estimate = estimate_delivery(
        distance_m=serving[0].distance_m,
        preparation_seconds=serving[0].store.preparation_seconds,
        fee_minor=order.delivery_fee_minor,
        currency=order.currency,
        now=await current_time(session),
    )
    return {
        "latitude": target.point.latitude,
        "longitude": target.point.longitude,
        "address_line": target.address_line,
        "delivery_instructions": target.delivery_instructions,
        "dropoff_distance_meters": estimate.dropoff_distance_meters,
        "promise_p50_seconds": estimate.p50_seconds,
        "promise_p90_seconds": estimate.p90_seconds,
    }


def _texts(order: Order, request: ChangeRequest) -> dict[str, str]:
    """The texts of the address that are to change, at the same place."""
    texts: dict[str, str] = {}
    if (line := request.address_line) is not None:
        delivers = order.method is FulfillmentMethod.DELIVERY
        texts["address_line"] = baskets.parse_address_line(line, required=delivers)
    if (note := request.delivery_instructions) is not None:
        most = baskets.MAX_NOTE_LENGTH
        texts["delivery_instructions"] = parse_line(
            note, "input", "deliveryInstructions", max_length=most
        )
    return texts
