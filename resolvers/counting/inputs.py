"""Inputs of stock count mutations."""

from collections.abc import Sequence
from uuid import UUID

import strawberry

from models.catalog import Category, Product
from services.core.problems import DomainError, InvalidInput, parse_id, parse_optional_id
from services.counting.count_opening import MAX_LINES, CountSelection

COUNT = "The count."
VERSION = "The version you saw: refused with VersionConflict when somebody changed it since."


@strawberry.input(description="What to count in a store: products, or a category, or an aisle.")
class StockCountStartInput:
    store_id: strawberry.ID = strawberry.field(description="Your store.")
    product_ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="These products, from 1 to 500, each once; not with the others."
    )
    category_id: strawberry.ID | None = strawberry.field(
        default=None, description="What the store has of this category and all below it."
    )
    aisle: str | None = strawberry.field(
        default=None, description="What lies in this aisle, as the store's listings name it."
    )
    note: str = strawberry.field(
        default="", description="A line for those who count, at most 200 characters."
    )

    def to_selection(self) -> CountSelection:
        """The selection for the service.

        Raises DomainError: NotFound for invalid ids, InvalidInput for too many.
        """
        category = parse_optional_id(Category, self.category_id, "categoryId")
        if self.product_ids is None:
            return CountSelection(None, category, self.aisle)
        keys = _product_ids(self.product_ids)
        return CountSelection(keys, category, self.aisle)


def _product_ids(ids: Sequence[strawberry.ID]) -> tuple[UUID, ...]:
    if len(ids) > MAX_LINES:
        message = f"A count has at most {MAX_LINES} products."
        raise DomainError(InvalidInput(path=["input", "productIds"], message=message))
    return tuple(parse_id(Product, key, "productIds", str(nth)) for nth, key in enumerate(ids))


@strawberry.input(description="What you found of one product of a count.")
class StockCountLineSetInput:
    count_id: strawberry.ID = strawberry.field(description=COUNT)
    product_id: strawberry.ID = strawberry.field(description="A product of the count.")
    counted: int = strawberry.field(
        description="Units that can be sold, from 0 on; what you say replaces what was said before."
    )


@strawberry.input(description="A count that is done.")
class StockCountSubmitInput:
    count_id: strawberry.ID = strawberry.field(description=COUNT)
    leave_uncounted: bool = strawberry.field(
        default=False, description="Hand it in although some products were not counted."
    )
    expected_version: int | None = strawberry.field(default=None, description=VERSION)


@strawberry.input(description="A count to take a step with.")
class StockCountStepInput:
    count_id: strawberry.ID = strawberry.field(description=COUNT)
    expected_version: int | None = strawberry.field(default=None, description=VERSION)


@strawberry.input(description="A count whose differences are to be counted again.")
class StockCountRejectInput:
    count_id: strawberry.ID = strawberry.field(description=COUNT)
    note: str = strawberry.field(
        default="", description="A line for those who count again, at most 200 characters."
    )
    expected_version: int | None = strawberry.field(default=None, description=VERSION)
