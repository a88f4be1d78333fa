"""Inputs and scalar types that several domains use; `schema.scalars` defines the scalars."""

from typing import Any, NewType, TypeVar
from uuid import UUID

import strawberry

from models.catalog import Product
from models.geo_point import Point
from services.core.geo_points import parse_point
from services.core.problems import parse_optional_id

SafeInt = NewType("SafeInt", int)
Given = TypeVar("Given")
GeoJSON = NewType("GeoJSON", dict)  # type: ignore[type-arg] # a NewType over JSON


def alternative(description: str) -> Any:
    """Declare a member of a `@oneOf` input, which is left out where another one is given."""
    return strawberry.field(default=strawberry.UNSET, description=description)


def given(member: Given | None) -> Given | None:
    """A member of a `@oneOf` input; None if another one is given."""
    return None if member is strawberry.UNSET else member


@strawberry.input(one_of=True, description="A product, by its id or by a code of it.")
class ProductReferenceInput:
    product_id: strawberry.ID | None = alternative("The product's id.")
    scanned_code: str | None = alternative(
        "A scanned barcode, or the company's own code; what else the code has is read, too."
    )

    def to_reference(self, *path: str) -> tuple[UUID | None, str | None]:
        """The id or the code. Raises DomainError: NotFound for an id of another type."""
        key = parse_optional_id(Product, given(self.product_id), *path, "productId")
        return key, given(self.scanned_code)


@strawberry.input(description="A geographic location in degrees (WGS 84).")
class GeoPointInput:
    latitude: float = strawberry.field(description="Degrees north, from -90 to 90.")
    longitude: float = strawberry.field(description="Degrees east, from -180 to 180.")

    def to_point(self, *path: str) -> Point:
        """Return the point. Raises DomainError: InvalidInput at `path` for degrees out of range."""
        return parse_point(self.latitude, self.longitude, *path)


@strawberry.input(
    description="New timers of a company, or of a store in their place, in seconds. Timers that are"
    " left out are not changed; null ends one: the default holds again in a company, and the"
    " company's timer in a store."
)
class CompanyTimersInput:
    payment_seconds: int | None = strawberry.field(
        default=strawberry.UNSET,
        description="Time for the payment of a new order, from 120 to 900.",
    )
    accept_seconds: int | None = strawberry.field(
        default=strawberry.UNSET,
        description="Time for a store to accept a new task before it moves to the next store,"
        " from 15 to 900.",
    )
    resume_seconds: int | None = strawberry.field(
        default=strawberry.UNSET,
        description="The same for a task that was given back with picked units, from 60 to 1,800.",
    )
    offer_seconds: int | None = strawberry.field(
        default=strawberry.UNSET, description="Time for a rider to answer an offer, from 10 to 120."
    )
    rider_silence_seconds: int | None = strawberry.field(
        default=strawberry.UNSET,
        description="Time without positions after which a rider loses the delivery, or is asked"
        " for a position if they have the bags, from 60 to 1,800.",
    )
    rider_silence_case_seconds: int | None = strawberry.field(
        default=strawberry.UNSET,
        description="Time without positions of a rider with the bags after which support gets a"
        " case, from 120 to 3,600.",
    )
    no_show_wait_seconds: int | None = strawberry.field(
        default=strawberry.UNSET,
        description="Time for which a rider waits for the customer at the door, from 60 to 900.",
    )
    picking_idle_seconds: int | None = strawberry.field(
        default=strawberry.UNSET,
        description=(
            "Time after which an accepted task that nobody works on goes back to the queue, from"
            " 120 to 3,600."
        ),
    )
    substitute_answer_seconds: int | None = strawberry.field(
        default=strawberry.UNSET,
        description=(
            "Time for a customer to answer a substitute before the preference of the line"
            " decides, from 15 to 900."
        ),
    )
    packed_wait_seconds: int | None = strawberry.field(
        default=strawberry.UNSET,
        description=(
            "Time until a store is alerted to packed bags that are not staged, and as long again"
            " until support is, from 60 to 3,600."
        ),
    )
    staged_wait_seconds: int | None = strawberry.field(
        default=strawberry.UNSET,
        description=(
            "Time until store and support are alerted to staged bags without a rider,"
            " from 60 to 3,600."
        ),
    )
    search_wider_seconds: int | None = strawberry.field(
        default=strawberry.UNSET,
        description=("Time after which a search looks for riders farther away, from 30 to 1,800."),
    )
    search_alert_seconds: int | None = strawberry.field(
        default=strawberry.UNSET,
        description=(
            "Time until store and support are alerted to a search without a rider, from 60"
            " to 3,600."
        ),
    )
    search_cancel_offer_seconds: int | None = strawberry.field(
        default=strawberry.UNSET,
        description=(
            "Time after which the customer of a search without a rider may cancel with a full"
            " refund, from 120 to 7,200."
        ),
    )
    search_end_seconds: int | None = strawberry.field(
        default=strawberry.UNSET,
        description=(
            "Time after which the order of a search without a rider is canceled with a full"
            " refund, from 300 to 14,400."
        ),
    )
    reauthorization_seconds: int | None = strawberry.field(
        default=strawberry.UNSET,
        description=(
            "Time for a customer to confirm again a payment that was lost before the charge,"
            " from 120 to 1,800."
        ),
    )
    change_payment_seconds: int | None = strawberry.field(
        default=strawberry.UNSET,
        description=(
            "Time for a customer to confirm the higher total of a changed order, from 60 to 900."
        ),
    )


def given_timers(timers: CompanyTimersInput | None) -> dict[str, int | None]:
    """The timers that are given, by the name of their column; None for those that end."""
    given = {} if timers is None else vars(timers)
    return {name: value for name, value in given.items() if value is not strawberry.UNSET}
