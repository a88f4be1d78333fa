"""Baskets at a store's counter: scanned items, their prices, and the payment."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from models.catalog import Listing, Product, ProductCode
from models.counter_sales import Tender
from models.stores import Store
from services.catalog import code_lookup, weights
from services.catalog.product_codes import ReadCode, read_code
from services.core.problems import DomainError, InvalidInput, Problem
from services.core.text import parse_code

MAX_LINES = 100
MAX_QUANTITY_UNITS = 999
MAX_CODE_LENGTH = 64
MAX_CASH_MINOR = 1_000_000_000

# Products listed by the store, by id and by each form of their codes.
ProductIndex = dict[str | UUID, tuple[Product, Listing]]


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownCode(Problem):
    """The store lists no product with this barcode, code or id."""

    code: str


@dataclass(frozen=True, slots=True)
class ScannedItem:
    """One scan: `code` is a code of the product; `product_id` may be given instead.

    `grams` is the measured weight of a product that is sold by weight. `label_minor` is the price
    on the label of a scale, whose weight follows from it.
    """

    quantity: int
    code: str | None = None
    product_id: UUID | None = None
    grams: int | None = None
    label_minor: int | None = None


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
    set for products that are sold by weight. `label_grams` of it cost `label_minor`, as printed.
    """

    product: Product
    unit_price_minor: int
    quantity: int
    line_index: int
    kilo_price_minor: int | None = None
    grams: int | None = None
    label_grams: int = 0
    label_minor: int = 0

    @property
    def total_minor(self) -> int:
        if self.kilo_price_minor is None or self.grams is None:
            return self.quantity * self.unit_price_minor
        rest = self.grams - self.label_grams
        weighed = weights.weight_price(self.kilo_price_minor, rest) if rest else 0
        return self.label_minor + weighed

    def add(self, item: ScannedItem) -> "CounterBasketLine":
        """The line with the quantity and weight of another scan added."""
        grams = None if item.grams is None else (self.grams or 0) + item.grams
        line = replace(self, quantity=self.quantity + item.quantity, grams=grams)
        if item.label_minor is None:
            return line
        return replace(
            line,
            label_grams=line.label_grams + (item.grams or 0),
            label_minor=line.label_minor + item.label_minor,
        )


async def price_basket(
    session: AsyncSession, store: Store, scans: Sequence[ScannedItem]
) -> list[CounterBasketLine]:
    """Merge the scans by product, in order of the first scan, at the store's prices.

    Raises DomainError: InvalidInput, UnknownCode, TooLight and TooHeavy for each wrong line.
    """
    if not 1 <= len(scans) <= MAX_LINES:
        message = f"A sale has 1 to {MAX_LINES} lines."
        raise DomainError(InvalidInput(path=["input", "lines"], message=message))
    codes = await _read_codes(session, store, scans)
    index = await _read_products(session, store, scans, codes)
    problems: list[Problem] = []
    lines: dict[UUID, CounterBasketLine] = {}
    for number, scan in enumerate(scans):
        found, read = _lookup(scan, index, codes)
        item = _with_label(scan, read, found)
        problem = _line_problem(item, number, found, read)
        if problem is not None or found is None:
            problems += [problem] if problem is not None else []
            continue
        product, listing = found
        kilo_price = listing.kilo_price_minor
        line = lines.get(product.id) or CounterBasketLine(
            product, listing.price_minor, 0, number, kilo_price
        )
        lines[product.id] = line.add(item)
    if problems:
        raise DomainError(*problems)
    return list(lines.values())


async def _read_codes(
    session: AsyncSession, store: Store, scans: Sequence[ScannedItem]
) -> dict[str, ReadCode]:
    """What each scanned code says."""
    texts = {item.code for item in scans if item.code is not None}
    formats = []
    if any(map(code_lookup.may_be_label, texts)):
        formats = await code_lookup.label_formats(session, store.company_id)
    return {text: read_code(text, formats) for text in texts}


async def _read_products(
    session: AsyncSession, store: Store, scans: Sequence[ScannedItem], codes: dict[str, ReadCode]
) -> ProductIndex:
    values = {value for read in codes.values() for value in read.values}
    ids = {item.product_id for item in scans if item.product_id is not None}
    of_code = select(ProductCode.product_id).where(
        ProductCode.company_id == store.company_id, ProductCode.value.in_(values)
    )
    named = select(func.array_agg(ProductCode.value)).where(
        ProductCode.product_id == Product.id, ProductCode.value.in_(values)
    )
    rows = await session.execute(
        select(Product, Listing, named.scalar_subquery())
        .join(Listing, (Listing.product_id == Product.id) & (Listing.store_id == store.id))
        .where(or_(Product.id.in_(ids), Product.id.in_(of_code)))
    )
    index: ProductIndex = {}
    for product, listing, found in rows:
        for key in (product.id, *(found or ())):
            index[key] = product, listing
    return index


def _lookup(
    item: ScannedItem, index: ProductIndex, codes: dict[str, ReadCode]
) -> tuple[tuple[Product, Listing] | None, ReadCode]:
    """The listed product of a scan, None unless it is exactly one, and what its code says."""
    if item.code is None:
        return (index.get(item.product_id) if item.product_id else None), ReadCode(())
    read = codes[item.code]
    found = {index[value][0].id: index[value] for value in read.values if value in index}
    return (next(iter(found.values())) if len(found) == 1 else None), read


def _with_label(
    item: ScannedItem, read: ReadCode, found: tuple[Product, Listing] | None
) -> ScannedItem:
    """The scan with the weight in its code, or with the weight that its price stands for."""
    if item.grams is not None or found is None:
        return item
    kilo_price = found[1].kilo_price_minor
    if read.price_minor is not None and kilo_price:
        grams = max(1, round(read.price_minor * weights.GRAMS_PER_KILOGRAM / kilo_price))
        return replace(item, grams=grams, label_minor=read.price_minor)
    return replace(item, grams=read.grams) if kilo_price else item


def _line_problem(
    item: ScannedItem, number: int, found: tuple[Product, Listing] | None, read: ReadCode
) -> Problem | None:
    path = ["input", "lines", str(number)]
    if (item.code is None) == (item.product_id is None):
        return InvalidInput(path=path, message="Name a product by its code or by its id.")
    if not 1 <= item.quantity <= MAX_QUANTITY_UNITS:
        message = f"A line has 1 to {MAX_QUANTITY_UNITS} units."
        return InvalidInput(path=[*path, "quantity"], message=message)
    if found is None:
        field = "productId" if item.code is None else "code"
        message = "The store lists no such product, or several with this code."
        code = (item.code or "")[:MAX_CODE_LENGTH]
        return UnknownCode(path=[*path, field], message=message, code=code)
    unit_grams = found[1].unit_grams
    if unit_grams is not None and (read.grams or read.price_minor) and item.quantity != 1:
        return InvalidInput(path=[*path, "quantity"], message="A label is of one piece.")
    if read.price_minor is not None and unit_grams is None:
        message = "This product is not sold by weight: a label can't give its price."
        return InvalidInput(path=[*path, "code"], message=message)
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
