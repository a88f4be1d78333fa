import strawberry

from models.catalog import Category, Product
from services.core.problems import InvalidInput, Refused, key_if_given, key_of
from services.counting.count_opening import LINES, Choice

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

    def choice(self) -> Choice:
        """The choice in the services' terms; refused for ids that are none."""
        category = key_if_given(Category, self.category_id, "categoryId")
        if self.product_ids is None:
            return Choice(None, category, self.aisle)
        if len(self.product_ids) > LINES:
            said = f"A count has at most {LINES} products."
            raise Refused(InvalidInput(path=["input", "productIds"], message=said))
        keys = tuple(
            key_of(Product, one, "productIds", str(nth)) for nth, one in enumerate(self.product_ids)
        )
        return Choice(keys, category, self.aisle)


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
