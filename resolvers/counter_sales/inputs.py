import strawberry

from models.counter_sales import Tender
from resolvers.shared_inputs import BigInt


@strawberry.input(description="Something on the counter: name it by code or by id.")
class CounterSaleLineInput:
    code: str | None = strawberry.field(
        default=None, description="The scanned barcode, or the company's own code."
    )
    product_id: strawberry.ID | None = strawberry.field(
        default=None, description="The product, where nothing can be scanned."
    )
    quantity: int = strawberry.field(default=1, description="How many, from 1 to 999.")
    grams: int | None = strawberry.field(
        default=None, description="What they weigh, where they are sold by weight."
    )


@strawberry.input(description="A sale over the counter, and how it is paid.")
class CounterSaleCompleteInput:
    store_id: strawberry.ID = strawberry.field(description="A store you work in.")
    lines: list[CounterSaleLineInput] = strawberry.field(
        description="What is sold, 1 to 100 lines; the same product may be scanned again."
    )
    tender: Tender = strawberry.field(description="Cash, or a card at the store's terminal.")
    cash_received_minor: BigInt | None = strawberry.field(
        default=None, description="Cash in hand in minor units, at least the total; CASH only."
    )
    terminal_reference: str = strawberry.field(
        default="", description="What the terminal printed, 1 to 64 characters; CARD only."
    )


@strawberry.input(description="A sale of today that you undo.")
class CounterSaleVoidInput:
    counter_sale_id: strawberry.ID = strawberry.field(description="The sale.")
    note: str = strawberry.field(description="Why, 1 to 200 characters.")
