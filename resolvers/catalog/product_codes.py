"""Resolvers for barcodes, labels of scales, and what a scanned code says."""

from dataclasses import dataclass, field
from datetime import date
from typing import Annotated, Any
from uuid import UUID

import strawberry

from dataloaders import catalog as load
from models.catalog import Product
from models.companies import Company
from models.money import Money
from models.stores import Store
from resolvers.catalog.inputs import CompanyScaleLabelsSetInput, ProductBarcodesSetInput
from resolvers.catalog.product_handling import ProductWriteOutcome
from resolvers.context import Info
from resolvers.mutations import company_of, run_mutation, widen_scope
from services.catalog import code_lookup, product_barcodes
from services.catalog.code_lookup import ScannedCode
from services.catalog.listed_products import ListedProduct
from services.core.problems import parse_id

StoreId = Annotated[
    strawberry.ID, strawberry.argument(description="A store in which the caller works.")
]
Code = Annotated[
    str,
    strawberry.argument(
        description="The text of the scanner: a code of the company, a GTIN of any length, a UPC-E"
        " of 8 digits (or 6, without number system and check digit), a GS1 element string (with"
        " FNC1 as U+001D, or with parentheses), a GS1 Digital Link, or the label of a scale. At"
        " most 200 characters. A code of several products is the error AMBIGUOUS_PRODUCT_CODE,"
        " with their ids in `extensions.candidates`."
    ),
]


@dataclass
class ProductBarcodesOutcome:
    """The outcome of a change of a product's barcodes: the product outside any store."""

    product: ListedProduct | None = None
    barcodes: list[str] | None = None
    errors: list[Any] = field(default_factory=list)


@dataclass
class ScaleLabelsOutcome:
    """The outcome of a change of the formats of scale labels."""

    company: Company | None = None
    errors: list[Any] = field(default_factory=list)


@dataclass
class ScannedProduct:
    """A product of a store with what its scanned code says."""

    product: ListedProduct
    barcodes: list[str]
    batch_code: str | None
    sell_by_date: date | None
    weight_grams: int | None
    label_price: Money | None


async def set_barcodes(info: Info, input: ProductBarcodesSetInput) -> ProductBarcodesOutcome:
    written = await _write_barcodes(info, input)
    if written.row is None:
        return ProductBarcodesOutcome(errors=written.errors)
    product = await info.context.loaders.load(load.product_by_id, written.row.id)
    return ProductBarcodesOutcome(product, await _barcodes(info, written.row.id))


async def _write_barcodes(info: Info, input: ProductBarcodesSetInput) -> ProductWriteOutcome:
    async def operation(session: Any) -> Product:
        key = parse_id(Product, input.product_id, "productId")
        who: Any = {"actor": info.context.actor, "product_id": key}
        return await product_barcodes.set_barcodes(session, barcodes=input.barcodes, **who)

    lookup = company_of(info, Product, input.product_id, "productId")
    options: Any = {"input": input, "company_id": lookup}
    return await run_mutation(info, ProductWriteOutcome, operation, **options)


async def set_scale_labels(info: Info, input: CompanyScaleLabelsSetInput) -> ScaleLabelsOutcome:
    async def operation(session: Any) -> Company:
        key = parse_id(Company, input.company_id, "companyId")
        company, actor = await widen_scope(session, key), info.context.actor
        return await product_barcodes.set_label_formats(
            session, actor=actor, company_id=company, formats=input.formats
        )

    return await run_mutation(info, ScaleLabelsOutcome, operation, input=input)


async def scanned_product(info: Info, store_id: StoreId, code: Code) -> ScannedProduct | None:
    store_key, actor = parse_id(Store, store_id, "storeId"), info.context.actor
    async with info.context.read() as session:
        found = await code_lookup.scan(session, actor=actor, store_id=store_key, text=code)
    key = (store_key, found.product_id)
    product = await info.context.loaders.load(load.product_by_store_and_id, key)
    if product is None:
        return None
    return _scanned(found, product, await _barcodes(info, found.product_id))


def _scanned(found: ScannedCode, product: ListedProduct, barcodes: list[str]) -> ScannedProduct:
    read = found.read
    price = None if read.price_minor is None else Money(read.price_minor, found.currency)
    return ScannedProduct(product, barcodes, read.batch_code, read.sell_by_date, read.grams, price)


async def _barcodes(info: Info, product_id: UUID) -> list[str]:
    async with info.context.read() as session:
        return await product_barcodes.list_barcodes(session, product_id)
