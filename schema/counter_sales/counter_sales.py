from datetime import date, datetime
from typing import Annotated

import strawberry

from dataloaders import counter_sales as load
from models.accounts import User
from models.catalog import Product
from models.counter_sales import (
    PosSale,
    PosSaleAction,
    PosSaleLine,
    PosSaleStatus,
    TenderKind,
)
from models.orders import AgeCheckDocument
from models.stores import Store
from resolvers.counter_sales import counter_sales as resolve
from resolvers.operations import documents
from schema.backing import backed_by, column, field, related
from schema.carts.basket_problems import (
    AgeConfirmationRequiredType,
    InsufficientStockType,
    TooYoungType,
)
from schema.catalog.product_codes import AmbiguousProductCodeType
from schema.catalog.weights import TooHeavyType, TooLightType
from schema.fields import id_field, money_field
from schema.nodes import NodeType
from schema.problems import InvalidInputType, InvalidTransitionType, NotFoundType, ProblemType
from schema.scalars import MoneyType
from services.counter_sales import counter_baskets, counter_reports


@backed_by(PosSaleLine, "A product on a receipt.")
class PosSaleLineType:
    position: int = column("Line number on the receipt, from 1.")
    product_id: strawberry.ID = id_field(Product, "The product's id.", by="product_id")
    name: str = column("The product's name when it was sold.")
    quantity: int = column("Quantity sold.")
    weight_grams: int | None = column("Weight, for products sold by weight.")
    unit_price: MoneyType = money_field(
        "unit_price_minor", "Unit price, tax included; an estimate for products sold by weight."
    )
    price_per_kilogram: MoneyType | None = money_field(
        "price_per_kilogram_minor", "Price per kilogram; null for products sold by the piece."
    )
    total: MoneyType = money_field("total_minor", "Price of the line, tax included.")


@backed_by(PosSale, "A sale at the store's counter, with its receipt and payment.")
class PosSaleType(NodeType):
    id: strawberry.ID = id_field(PosSale)
    store_id: strawberry.ID = id_field(Store, "The store.", by="store_id")
    receipt_number: int = column("Receipt number, counted per store without gaps.")
    business_day: date = column("The store's business day, which may begin after midnight.")
    status: PosSaleStatus = column("Its status.")
    available_actions: list[PosSaleAction] = field(
        resolve.available_actions, "The actions that the caller can take now."
    )
    lines: list[PosSaleLineType] = related(load.lines_by_sale, "The sold products.")
    total: MoneyType = money_field("total_minor", "The paid amount, tax included.")
    tax: MoneyType = money_field("tax_minor", "The tax that the total includes.")
    tender_type: TenderKind = column("Means of payment.")
    cash_received: MoneyType | None = money_field(
        "cash_received_minor", "Cash that the customer gave; null for card payments."
    )
    change: MoneyType = money_field("change_minor", "Change to give back.")
    terminal_reference: str = column("The terminal's reference of a card; empty for cash.")
    minimum_age: int | None = column(
        "The minimum age that the seller checked; null if nothing took a check."
    )
    age_document: AgeCheckDocument | None = column(
        "The kind of document that proved the age; null if nothing took a check."
    )
    receipt_url: str = field(
        documents.receipt_url,
        "URL of its receipt (PDF); needs the same Authorization header.",
    )
    cashier_id: strawberry.ID | None = id_field(User, "The seller.", by="cashier_id")
    sold_at: datetime = column("Time when it was created.")
    voided_at: datetime | None = column("Time when it was voided; null if it was not.")
    voided_by_id: strawberry.ID | None = id_field(User, "Who voided it.", by="voided_by_id")
    void_note: str = column("Why it was voided.")


@backed_by(counter_reports.CounterDayReport, "Counter sales of a store on one business day.")
class PosDayReportType:
    store_id: strawberry.ID = id_field(Store, "The store.", by="store_id")
    day: date = column("The business day of the store.")
    sale_count: int = column("Number of sales that were not voided.")
    voided_count: int = column("Number of voided sales.")
    cash: MoneyType = money_field(
        "cash_minor", "Cash that the drawer has to contain in addition to its float."
    )
    card: MoneyType = money_field("card_minor", "Card payments at the terminal.")
    total: MoneyType = money_field("total_minor", "Cash and card payments together, tax included.")
    tax: MoneyType = money_field("tax_minor", "The tax that the total includes.")


@backed_by(counter_baskets.UnknownProductCode, "The store lists no product with this code or id.")
class UnknownProductCodeType(ProblemType):
    code: str = column("The scanned code; empty if an id was given.")


PosSaleCreateError = Annotated[
    NotFoundType
    | InvalidInputType
    | UnknownProductCodeType
    | AmbiguousProductCodeType
    | InsufficientStockType
    | AgeConfirmationRequiredType
    | TooYoungType
    | TooLightType
    | TooHeavyType,
    strawberry.union("PosSaleCreateError", description="Problems that `posSaleCreate` can return."),
]
PosSaleVoidError = Annotated[
    NotFoundType | InvalidInputType | InvalidTransitionType,
    strawberry.union("PosSaleVoidError", description="Problems that `posSaleVoid` can return."),
]
NOW = "The sale as it is now; null when nothing was done."
ERRORS = "The problems; empty if the mutation succeeded."


@backed_by(resolve.CounterSaleOutcome, "Result of `posSaleCreate`.")
class PosSaleCreatePayload:
    pos_sale: PosSaleType | None = column(NOW)
    errors: list[PosSaleCreateError] = column(ERRORS)


@backed_by(resolve.CounterSaleOutcome, "Result of `posSaleVoid`.")
class PosSaleVoidPayload:
    pos_sale: PosSaleType | None = column(NOW)
    errors: list[PosSaleVoidError] = column(ERRORS)
