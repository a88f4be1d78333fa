from typing import Any

import strawberry

from models.accounts import Address
from models.carts import SubstitutionPreference
from models.catalog import Product
from models.companies import Company
from models.orders import FulfillmentMethod, OrderCancelReason, OrderReopenReason
from models.stores import Store
from resolvers.shared_inputs import GeoPointInput, SafeInt, alternative, given
from services.carts.baskets import MAX_LINES, OrderRequest, RequestedLine
from services.checkout.change_pricing import ChangeRequest
from services.core.problems import DomainError, InvalidInput, parse_id, parse_optional_id


@strawberry.input(description="A product and its quantity.")
class OrderLineInput:
    product_id: strawberry.ID = strawberry.field(description="A product of the serving store.")
    quantity: int = strawberry.field(description="Quantity, from 1 to 99.")
    substitution_preference: SubstitutionPreference = strawberry.field(
        default=SubstitutionPreference.REFUND,
        description="What to do if units are missing at picking.",
    )

    def to_line(self, index: int) -> RequestedLine:
        """The line as the services take it.

        Raises DomainError: NotFound for an id of another type.
        """
        key = parse_id(Product, self.product_id, "lines", str(index), "productId")
        return RequestedLine(key, self.quantity, self.substitution_preference)


def _requested_lines(lines: list[OrderLineInput] | None) -> tuple[RequestedLine, ...] | None:
    """The lines, or None without any; too many are refused before one of them is read."""
    if lines is None:
        return None
    if len(lines) > MAX_LINES:
        message = f"An order has at most {MAX_LINES} lines."
        raise DomainError(InvalidInput(path=["input", "lines"], message=message))
    return tuple(line.to_line(index) for index, line in enumerate(lines))


@strawberry.input(one_of=True, description="Where an order goes, or where it is collected.")
class OrderDestinationInput:
    address_id: strawberry.ID | None = alternative("A saved address.")
    location: GeoPointInput | None = alternative("The delivery location, with an `addressLine`.")
    pickup_store_id: strawberry.ID | None = alternative("The store to collect the order from.")

    def to_destination(self) -> dict[str, Any]:
        """The part of an OrderRequest. Raises DomainError: NotFound, InvalidInput."""
        store_id = parse_optional_id(
            Store, given(self.pickup_store_id), "destination", "pickupStoreId"
        )
        method = FulfillmentMethod.DELIVERY if store_id is None else FulfillmentMethod.PICKUP
        place = delivery_place(given(self.address_id), given(self.location))
        return {"method": method, "store_id": store_id, **place}


@strawberry.input(one_of=True, description="Another place for the delivery of an order.")
class DeliveryDestinationInput:
    address_id: strawberry.ID | None = alternative(
        "Another saved address, within the zone of the order's store."
    )
    location: GeoPointInput | None = alternative(
        "Another location, within the zone of the order's store, with an `addressLine`."
    )

    def to_destination(self) -> dict[str, Any]:
        """The part of a ChangeRequest. Raises DomainError: NotFound, InvalidInput."""
        return delivery_place(given(self.address_id), given(self.location))


def delivery_place(address_id: str | None, location: GeoPointInput | None) -> dict[str, Any]:
    """The saved address or the point. Raises DomainError: NotFound, InvalidInput."""
    point = location.to_point("input", "destination", "location") if location else None
    return {
        "address_id": parse_optional_id(Address, address_id, "destination", "addressId"),
        "point": point,
    }


@strawberry.input(description="Input of `orderPlace`. The cart is ordered unless lines are given.")
class OrderPlaceInput:
    destination: OrderDestinationInput = strawberry.field(
        description="The address or location of the delivery, or the store to collect it from."
    )
    address_line: str | None = strawberry.field(
        default=None,
        description="Street, house and floor. Required with a `location`; with an `addressId` it"
        " replaces the line of the saved address.",
    )
    delivery_instructions: str | None = strawberry.field(
        default=None, description="What the rider should know at the door."
    )
    company_id: strawberry.ID | None = strawberry.field(
        default=None, description="The company to buy from, if several deliver there."
    )
    lines: list[OrderLineInput] | None = strawberry.field(
        default=None,
        description="At most 100 lines, each product once; the lines of the cart if left out.",
    )
    tip_minor: SafeInt = strawberry.field(
        default=SafeInt(0), description="For the rider, in minor units."
    )
    age_confirmed: bool = strawberry.field(
        default=False,
        description="Whether the customer confirms the minimum age of products that are not"
        " sold to minors; it is checked at the handover.",
    )
    expected_total_minor: SafeInt | None = strawberry.field(
        default=None,
        description="The total that was shown; TotalChanged if it is another.",
    )
    expected_p90_seconds: int | None = strawberry.field(
        default=None,
        description="The p90Seconds of the promise that was shown; DeliveryEstimateChanged if"
        " the store that"
        " can fulfill the order takes longer.",
    )

    def to_order_request(self) -> OrderRequest:
        """The request as the services take it. Raises DomainError: NotFound, InvalidInput."""
        return OrderRequest(
            **self._texts_and_amounts(),
            **self.destination.to_destination(),
            company_id=parse_optional_id(Company, self.company_id, "companyId"),
            lines=_requested_lines(self.lines),
        )

    def _texts_and_amounts(self) -> dict[str, Any]:
        return {
            "address_line": self.address_line or "",
            "delivery_instructions": self.delivery_instructions or "",
            "tip_minor": self.tip_minor,
            "age_confirmed": self.age_confirmed,
            "expected_total_minor": self.expected_total_minor,
            "expected_p90_seconds": self.expected_p90_seconds,
        }


@strawberry.input(description="Input of `orderCancel`.")
class OrderCancelInput:
    order_id: strawberry.ID = strawberry.field(description="The order.")
    reason: OrderCancelReason = strawberry.field(
        description="Why: one of the reasons in Order.cancellation."
    )
    note: str = strawberry.field(
        default="",
        description="Details in the caller's own words, which the store's staff and support read.",
    )
    expected_fee_minor: SafeInt | None = strawberry.field(
        default=None,
        description="The fee that was shown, from Order.cancellation; rejected if it has changed.",
    )


@strawberry.input(description="Input of `orderReopen`.")
class OrderReopenInput:
    order_id: strawberry.ID = strawberry.field(description="The order.")
    reason: OrderReopenReason = strawberry.field(description="Why it is reopened.")
    note: str = strawberry.field(
        default="", description="Details in the caller's own words; needed with OTHER."
    )
    expected_version: int | None = strawberry.field(
        default=None, description="The version of the order that the caller has read."
    )


@strawberry.input(description="Input of `orderChange`. Fields that are left out are not changed.")
class OrderChangeInput:
    order_id: strawberry.ID = strawberry.field(description="The order.")
    lines: list[OrderLineInput] | None = strawberry.field(
        default=None,
        description="All lines of the changed order, at most 100, each product once.",
    )
    destination: DeliveryDestinationInput | None = strawberry.field(
        default=None, description="Another place for the delivery; as it is if left out."
    )
    address_line: str | None = strawberry.field(
        default=None,
        description="Street, house and floor. Required with `location`; it can't be made empty.",
    )
    delivery_instructions: str | None = strawberry.field(
        default=None, description="What the rider should know at the door."
    )
    tip_minor: SafeInt | None = strawberry.field(
        default=None, description="For the rider, in minor units."
    )
    expected_total_minor: SafeInt | None = strawberry.field(
        default=None,
        description="The new total that was shown; TotalChanged if it is another.",
    )
    expected_version: int | None = strawberry.field(
        default=None, description="The version of the order that the caller has read."
    )

    def to_request(self) -> ChangeRequest:
        """The request as the services take it. Raises DomainError: NotFound, InvalidInput."""
        return ChangeRequest(
            lines=_requested_lines(self.lines),
            **(self.destination.to_destination() if self.destination else {}),
            address_line=self.address_line,
            delivery_instructions=self.delivery_instructions,
            tip_minor=self.tip_minor,
            expected_total_minor=self.expected_total_minor,
        )


@strawberry.input(description="Input of `orderChangeWithdraw`.")
class OrderChangeWithdrawInput:
    order_change_id: strawberry.ID = strawberry.field(description="The change.")
