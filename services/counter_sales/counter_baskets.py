"""Baskets at a store's counter: scanned items, their prices, and the payment."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from models.catalog import Listing, Product
from models.counter_sales import Tender
from models.stores import Store
from services.catalog import weights
from services.core.problems import DomainError, InvalidInput, Problem
from services.core.text import code_form, parse_code

MAX_LINES = 100
MAX_QUANTITY_UNITS = 999
MAX_CODE_LENGTH = 64
MAX_CASH_MINOR = 1_000_000_000

# Products listed by the store, by id, code and barcode.
ProductIndex = dict[str | UUID | None, tuple[Product, Listing]]


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownCode(Problem):
    """The store lists no product with this barcode, code or id."""

    code: str


@dataclass(frozen=True, slots=True)
class ScannedItem:
    """One scan: `code` is the product's barcode or code; `product_id` may be given instead.

    `grams` is the measured weight of a product that is sold by weight.
    """

    quantity: int
    code: str | None = None
    product_id: UUID | None = None
    grams: int | None = None


@dataclass(frozen=True, slots=True)
class CounterPayment:
    """Cash received in minor units, or the terminal's reference of a card payment."""

    tender: Tender
    cash_received_minor: int | None = None
    terminal_reference: str = ""


@dataclass(frozen=True, slots=True)
class CounterBasketLine:
    """One product of a basket at the store's price.

    `line_index` is the index of the first scan of the product; `grams` and `kilo_price_minor` are
    set for products that are sold by weight.
    """

    product: Product
    unit_price_minor: int
    quantity: int
    line_index: int
    kilo_price_minor: int | None = None
    grams: int | None = None

    @property
    def total_minor(self) -> int:
        if self.kilo_price_minor is None or self.grams is None:
            return self.quantity * self.unit_price_minor
        return weights.weight_price(self.kilo_price_minor, self.grams)

    def add(self, item: ScannedItem) -> "CounterBasketLine":
        """The line with the quantity and weight of another scan added."""
        grams = None if item.grams is None else (self.grams or 0) + item.grams
        return replace(self, quantity=self.quantity + item.quantity, grams=grams)


async def price_basket(
    session: AsyncSession, store: Store, scans: Sequence[ScannedItem]
) -> list[CounterBasketLine]:
    """Merge the scans by product, in order of the first scan, at the store's prices.

    Raises DomainError: InvalidInput, UnknownCode, TooLight and TooHeavy for each wrong line.
    """
    if not 1 <= len(scans) <= MAX_LINES:
        message = f"A sale has 1 to {MAX_LINES} lines."
        raise DomainError(InvalidInput(path=["input", "lines"], message=message))
    index = await _read_products(session, store, scans)
    problems: list[Problem] = []
    lines: dict[UUID, CounterBasketLine] = {}
    for number, item in enumerate(scans):
        problem = _line_problem(item, number, index)
        if problem is not None:
            problems.append(problem)
            continue
        product, listing = index[_lookup_key(item)]
        kilo_price = listing.kilo_price_minor
        line = lines.get(product.id) or CounterBasketLine(
            product, listing.price_minor, 0, number, kilo_price
        )
        lines[product.id] = line.add(item)
    if problems:
        raise DomainError(*problems)
    return list(lines.values())


async def _read_products(
    session: AsyncSession, store: Store, scans: Sequence[ScannedItem]
) -> ProductIndex:
    codes = _valid_codes({code_form(item.code) for item in scans if item.code is not None})
    product_ids = {item.product_id for item in scans if item.product_id is not None}
    rows = await session.execute(
        select(Product, Listing)
        .join(Listing, (Listing.product_id == Product.id) & (Listing.store_id == store.id))
        .where(
            or_(Product.id.in_(product_ids), Product.barcode.in_(codes), Product.code.in_(codes))
        )
        .order_by(Product.id.desc())
    )
    index: ProductIndex = {}
    for product, listing in rows:
        for key in (product.id, product.code, product.barcode):
            index[key] = product, listing
    return index


def _valid_codes(codes: set[str]) -> set[str]:
    """The codes that a product could have; others may not even be valid text in the database."""
    return {code for code in codes if code.isprintable() and len(code) <= MAX_CODE_LENGTH}


def _lookup_key(item: ScannedItem) -> str | UUID | None:
    return item.product_id if item.code is None else code_form(item.code)


def _line_problem(item: ScannedItem, number: int, index: ProductIndex) -> Problem | None:
    path = ["input", "lines", str(number)]
    if (item.code is None) == (item.product_id is None):
        return InvalidInput(path=path, message="Name a product by its code or by its id.")
    if not 1 <= item.quantity <= MAX_QUANTITY_UNITS:
        message = f"A line has 1 to {MAX_QUANTITY_UNITS} units."
        return InvalidInput(path=[*path, "quantity"], message=message)
    if _lookup_key(item) not in index:
        field = "productId" if item.code is None else "code"
        message = "The store lists no such product."
        code = (item.code or "")[:MAX_CODE_LENGTH]
        return UnknownCode(path=[*path, field], message=message, code=code)
    unit_grams = index[_lookup_key(item)][1].unit_grams
    return weights.find_weight_problem(unit_grams, item.quantity, item.grams, [*path, "grams"])


def validate_payment(payment: CounterPayment, total_minor: int) -> CounterPayment:
    """The payment with a stripped reference.

    Raises DomainError: InvalidInput if it does not pay the total.
    """
    received, reference = payment.cash_received_minor, payment.terminal_reference
    if payment.tender is Tender.CARD:
        if received is not None:
            raise DomainError(_invalid("cashReceivedMinor", "A card gives no cash."))
        reference = parse_code(reference, "input", "terminalReference", max_length=MAX_CODE_LENGTH)
        return CounterPayment(Tender.CARD, None, reference)
    if reference:
        raise DomainError(_invalid("terminalReference", "Cash has no reference of a terminal."))
    if received is None or not total_minor <= received <= MAX_CASH_MINOR:
        message = f"{total_minor} minor units are due, and at most {MAX_CASH_MINOR} are taken."
        raise DomainError(_invalid("cashReceivedMinor", message))
    return payment


def _invalid(field: str, message: str) -> InvalidInput:
    return InvalidInput(path=["input", field], message=message)
