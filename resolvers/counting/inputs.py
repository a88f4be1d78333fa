"""Inputs of stock count mutations."""

from collections.abc import Sequence
from uuid import UUID

import strawberry

from models.catalog import Category, Product
from resolvers.shared_inputs import ProductReferenceInput
from services.core.problems import DomainError, InvalidInput, parse_id, parse_optional_id
from services.counting.count_opening import MAX_LINES, CountSelection

COUNT = "The count."
VERSION = "The version that the caller has read; VersionConflict if it has changed since."


@strawberry.input(description="Input of `stockCountStart`: products, a category, or an aisle.")
class StockCountStartInput:
    store_id: strawberry.ID = strawberry.field(description="The store.")
    product_ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="These products, from 1 to 500, each once; not with the others."
    )
    category_id: strawberry.ID | None = strawberry.field(
        default=None, description="The products of this category and its subcategories."
    )
    aisle: str | None = strawberry.field(
        default=None, description="The products of this aisle, as named in the store's listings."
    )
    note: str = strawberry.field(
        default="", description="Note for the people who count, at most 200 characters."
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


@strawberry.input(description="Input of `stockCountLineSet`.")
class StockCountLineSetInput:
    stock_count_id: strawberry.ID = strawberry.field(description=COUNT)
    product: ProductReferenceInput = strawberry.field(description="A product of the count.")
    counted: int = strawberry.field(
        description="Sellable units, from 0; replaces an earlier count."
    )


@strawberry.input(description="Input of `stockCountSubmit`.")
class StockCountSubmitInput:
    stock_count_id: strawberry.ID = strawberry.field(description=COUNT)
    allow_uncounted: bool = strawberry.field(
        default=False, description="Submit it although some products were not counted."
    )
    expected_version: int | None = strawberry.field(default=None, description=VERSION)


@strawberry.input
class StockCountStep:
    """A count, and the version that the caller has read."""

    stock_count_id: strawberry.ID = strawberry.field(description=COUNT)
    expected_version: int | None = strawberry.field(default=None, description=VERSION)


@strawberry.input(description="Input of `stockCountApprove`.")
class StockCountApproveInput(StockCountStep):
    pass


@strawberry.input(description="Input of `stockCountCancel`.")
class StockCountCancelInput(StockCountStep):
    pass


@strawberry.input(description="Input of `stockCountReject`.")
class StockCountRejectInput:
    stock_count_id: strawberry.ID = strawberry.field(description=COUNT)
    note: str = strawberry.field(
        default="", description="Note for the recount, at most 200 characters."
    )
    expected_version: int | None = strawberry.field(default=None, description=VERSION)
