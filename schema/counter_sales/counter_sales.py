from datetime import date, datetime
from typing import Annotated

import strawberry

from dataloaders import counter_sales as load
from models.accounts import Person
from models.catalog import Product
from models.counter_sales import (
    CounterSale,
    CounterSaleAction,
    CounterSaleLine,
    CounterSaleStatus,
    Tender,
)
from models.stores import Store
from resolvers.counter_sales import counter_sales as resolve
from resolvers.operations import documents
from schema.backing import backed_by, column, field, related
from schema.carts.basket_problems import InsufficientStockType
from schema.catalog.weights import TooHeavyType, TooLightType
from schema.fields import id_field, money_field
from schema.nodes import NodeType
from schema.problems import IllegalStepType, InvalidInputType, NotFoundType, ProblemType
from schema.scalars import MoneyType
from services.counter_sales import counter_baskets, counter_reports


@backed_by(CounterSaleLine, "A product on a receipt.")
class CounterSaleLineType:
    position: int = column("Its place on the receipt, from 1.")
    product_id: strawberry.ID = id_field(Product, "The product's id.", by="product_id")
    name: str = column("The product's name when it was sold.")
    quantity: int = column("How many were sold.")
    grams: int | None = column("What they weighed, where they are sold by weight.")
    unit_price: MoneyType = money_field(
        "unit_price_minor", "The price of one, tax included; about, where they are weighed."
    )
    kilo_price: MoneyType | None = money_field(
        "kilo_price_minor", "What a kilogram cost; null where they are sold by the piece."
    )
    total: MoneyType = money_field("total_minor", "The price of all, tax included.")


@backed_by(CounterSale, "A sale over the counter: the receipt and how it was paid.")
class CounterSaleType(NodeType):
    id: strawberry.ID = id_field(CounterSale)
    store_id: strawberry.ID = id_field(Store, "The store.", by="store_id")
    number: int = column("The number of the receipt: the store's own, without gaps.")
    business_day: date = column("The store's day on which it was made.")
    status: CounterSaleStatus = column("Whether it stands.")
    available_actions: list[CounterSaleAction] = field(
        resolve.available_actions, "What you can do with it now."
    )
    lines: list[CounterSaleLineType] = related(load.lines_by_sale, "What was sold.")
    total: MoneyType = money_field("total_minor", "What was paid, tax included.")
    tax: MoneyType = money_field("tax_minor", "The tax inside the total.")
    tender: Tender = column("How it was paid.")
    cash_received: MoneyType | None = money_field(
        "cash_received_minor", "Cash in hand; null for a card."
    )
    change: MoneyType = money_field("change_minor", "Cash to give back.")
    terminal_reference: str = column("The terminal's reference of a card; empty for cash.")
    receipt_url: str = field(
        documents.receipt_url,
        "Where its receipt (PDF) is read, with the same Authorization header.",
    )
    cashier_id: strawberry.ID | None = id_field(Person, "Who sold it.", by="cashier_id")
    sold_at: datetime = column("When it was made.")
    voided_at: datetime | None = column("When it was undone, if it was.")
    voided_by_id: strawberry.ID | None = id_field(Person, "Who undid it.", by="voided_by_id")
    void_note: str = column("Why it was undone.")


@backed_by(counter_reports.CounterDayReport, "What a store's counter took in a day.")
class CounterDayType:
    store_id: strawberry.ID = id_field(Store, "The store.", by="store_id")
    day: date = column("The day, by the store's own clock.")
    sale_count: int = column("Sales that stand.")
    voided_count: int = column("Sales that were undone.")
    cash: MoneyType = money_field("cash_minor", "What has to lie in the drawer beyond its float.")
    card: MoneyType = money_field("card_minor", "What the terminal took.")
    total: MoneyType = money_field("total_minor", "Both together, tax included.")
    tax: MoneyType = money_field("tax_minor", "The tax inside the total.")


@backed_by(counter_baskets.UnknownCode, "The store lists no product with this code or id.")
class UnknownCodeType(ProblemType):
    code: str = column("The code that was scanned; empty when an id was given.")


CounterSaleCompleteError = Annotated[
    NotFoundType
    | InvalidInputType
    | UnknownCodeType
    | InsufficientStockType
    | TooLightType
    | TooHeavyType,
    strawberry.union("CounterSaleCompleteError", description="Why nothing was sold."),
]
CounterSaleVoidError = Annotated[
    NotFoundType | InvalidInputType | IllegalStepType,
    strawberry.union("CounterSaleVoidError", description="Why the sale stands."),
]
NOW = "The sale as it is now; null when nothing was done."
ERRORS = "Every reason why nothing was done."


@backed_by(resolve.CounterSaleOutcome, "What counterSaleComplete did.")
class CounterSaleCompletePayload:
    sale: CounterSaleType | None = column(NOW)
    errors: list[CounterSaleCompleteError] = column(ERRORS)


@backed_by(resolve.CounterSaleOutcome, "What counterSaleVoid did.")
class CounterSaleVoidPayload:
    sale: CounterSaleType | None = column(NOW)
    errors: list[CounterSaleVoidError] = column(ERRORS)
