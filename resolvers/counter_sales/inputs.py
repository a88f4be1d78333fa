from datetime import date

import strawberry

from models.counter_sales import TenderKind
from models.orders import AgeCheckDocument
from resolvers.shared_inputs import ProductReferenceInput, SafeInt
from services.orders.age_checks import ShownDocument


@strawberry.input(description="A product to sell.")
class PosSaleLineInput:
    product: ProductReferenceInput = strawberry.field(
        description="The product; its id if nothing can be scanned."
    )
    quantity: int = strawberry.field(default=1, description="Quantity, from 1 to 999.")
    weight_grams: int | None = strawberry.field(
        default=None, description="Weight, for products sold by weight."
    )


@strawberry.input(
    description="The document by which a customer proved their age at the counter, which the caller"
    " has seen. Neither its number nor the date of birth is stored."
)
class PosAgeCheckInput:
    document: AgeCheckDocument = strawberry.field(description="The kind of document.")
    birth_date: date | None = strawberry.field(
        default=None,
        description="The date of birth on it, which is not stored; alternatively `isOldEnough`.",
    )
    is_old_enough: bool | None = strawberry.field(
        default=None, description="Whether the document shows that the customer is old enough."
    )

    def to_shown_document(self) -> ShownDocument:
        """What was shown, as the services take it."""
        return ShownDocument(self.document, self.birth_date, self.is_old_enough)


@strawberry.input(description="Input of `posSaleCreate`.")
class PosSaleCreateInput:
    store_id: strawberry.ID = strawberry.field(description="A store in which the caller works.")
    lines: list[PosSaleLineInput] = strawberry.field(
        description="The sold products, 1 to 100 lines; a product may appear more than once."
    )
    tender_type: TenderKind = strawberry.field(
        description="Cash, or a card at the store's terminal."
    )
    cash_received_minor: SafeInt | None = strawberry.field(
        default=None,
        description="Cash that the customer gave, in minor units, at least the total; CASH only.",
    )
    terminal_reference: str = strawberry.field(
        default="",
        description="Reference that the terminal printed, 1 to 64 characters; CARD only.",
    )
    age_check: PosAgeCheckInput | None = strawberry.field(
        default=None,
        description="Needed for products that are not sold to minors (`Product.ageRestricted`).",
    )


@strawberry.input(description="Input of `posSaleVoid`.")
class PosSaleVoidInput:
    pos_sale_id: strawberry.ID = strawberry.field(description="The sale.")
    note: str = strawberry.field(description="Why, 1 to 200 characters.")
