"""Baskets at a store's counter: scanned items, their prices, and the payment."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models.catalog import Listing, Product
from models.counter_sales import TenderKind
from models.money import amount_text
from models.stores import Store
from services.catalog import code_lookup, weights
from services.catalog.product_codes import ReadCode, read_code
from services.core.problems import DomainError, InvalidInput, Problem
from services.core.text import parse_code

MAX_LINES = 100
MAX_QUANTITY_UNITS = 999
MAX_CODE_LENGTH = 64
MAX_CASH_MINOR = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownProductCode(Problem):
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
class ScannedCodes:
    """What the codes of a basket say, and the products that the store lists.

    `products` has the ids of the products of each canonical code, `listed` the products by id.
    """

    reads: dict[str, ReadCode]
    products: dict[str, set[UUID]]
    listed: dict[UUID, tuple[Product, Listing]]

    def read(self, item: ScannedItem) -> ReadCode:
        """What the code of a scan says."""
        return ReadCode(()) if item.code is None else self.reads[item.code]

    def find(self, item: ScannedItem) -> list[tuple[Product, Listing]]:
        """The listed products of a scan: more than one for a code that is ambiguous here."""
        ids = {key for value in self.read(item).values for key in self.products.get(value, ())}
        if item.code is None and item.product_id is not None:
            ids = {item.product_id}
        return [self.listed[key] for key in sorted(ids) if key in self.listed]


@dataclass(frozen=True, slots=True)
class CounterPayment:
    """Cash received in minor units, or the terminal's reference of a card payment."""

    tender: TenderKind
    cash_received_minor: int | None = None
    terminal_reference: str = ""


@dataclass(frozen=True, slots=True)
class CounterBasketLine:
    """One product of a basket at the store's price.

    `line_index` is the index of the first scan of the product; `grams` and
    `price_per_kilogram_minor` are set for products that are sold by weight. `label_grams` of it
    cost `label_minor`, as printed.
    """

    product: Product
    unit_price_minor: int
    quantity: int
    line_index: int
    price_per_kilogram_minor: int | None = None
    grams: int | None = None
    label_grams: int = 0
    label_minor: int = 0

    @property
    def total_minor(self) -> int:
        if self.price_per_kilogram_minor is None or self.grams is None:
            return self.quantity * self.unit_price_minor
        rest = self.grams - self.label_grams
        weighed = weights.weight_price(self.price_per_kilogram_minor, rest) if rest else 0
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

    Raises DomainError: InvalidInput, UnknownProductCode, AmbiguousProductCode, TooLight and
    TooHeavy for each wrong line.
    """
    if not 1 <= len(scans) <= MAX_LINES:
        message = f"A sale has 1 to {MAX_LINES} lines."
        raise DomainError(InvalidInput(path=["input", "lines"], message=message))
    codes = await _read_codes(session, store, scans)
    problems: list[Problem] = []
    lines: dict[UUID, CounterBasketLine] = {}
    for number, scan in enumerate(scans):
        found, read = codes.find(scan), codes.read(scan)
        item = _with_label(scan, read, found[0]) if len(found) == 1 else scan
        problem = _line_problem(item, number, found, read)
        if problem is not None:
            problems.append(problem)
            continue
        product, listing = found[0]
        price_per_kilogram = listing.price_per_kilogram_minor
        line = lines.get(product.id) or CounterBasketLine(
            product, listing.price_minor, 0, number, price_per_kilogram
        )
        lines[product.id] = line.add(item)
    if problems:
        raise DomainError(*problems)
    return list(lines.values())


async def _read_codes(
    session: AsyncSession, store: Store, scans: Sequence[ScannedItem]
) -> ScannedCodes:
    """Read the codes and find the products of all scans."""
    texts = {item.code for item in scans if item.code is not None}
    formats = []
    if any(map(code_lookup.may_be_label, texts)):
        formats = await code_lookup.label_formats(session, store.company_id)
    reads = {text: read_code(text, formats) for text in texts}
    values = {value for read in reads.values() for value in read.values}
    products: dict[str, set[UUID]] = {}
    if values:
        products = await code_lookup.products_of_codes(session, store.company_id, values)
    ids = {item.product_id for item in scans if item.product_id is not None}
    rows = await session.execute(
        select(Product, Listing)
        .join(Listing, (Listing.product_id == Product.id) & (Listing.store_id == store.id))
        .where(Product.id.in_(ids.union(*products.values())))
    )
    return ScannedCodes(reads, products, {row[0].id: (row[0], row[1]) for row in rows})


def _with_label(item: ScannedItem, read: ReadCode, found: tuple[Product, Listing]) -> ScannedItem:
    """The scan with the weight in its code, or with the weight that its price stands for."""
    if item.grams is not None:
        return item
    price_per_kilogram = found[1].price_per_kilogram_minor
    if read.price_minor is not None and price_per_kilogram:
        grams = max(1, round(read.price_minor * weights.GRAMS_PER_KILOGRAM / price_per_kilogram))
        return replace(item, grams=grams, label_minor=read.price_minor)
    return replace(item, grams=read.grams) if price_per_kilogram else item


def _line_problem(
    item: ScannedItem, number: int, found: Sequence[tuple[Product, Listing]], read: ReadCode
) -> Problem | None:
    path = ["input", "lines", str(number)]
    if (item.code is None) == (item.product_id is None):
        return InvalidInput(path=path, message="Name a product by its code or by its id.")
    if not 1 <= item.quantity <= MAX_QUANTITY_UNITS:
        message = f"A line has 1 to {MAX_QUANTITY_UNITS} units."
        return InvalidInput(path=[*path, "quantity"], message=message)
    if not found:
        field = "productId" if item.code is None else "scannedCode"
        code = (item.code or "")[:MAX_CODE_LENGTH]
        message = "The store lists no such product."
        return UnknownProductCode(path=[*path, "product", field], message=message, code=code)
    if len(found) > 1:
        return code_lookup.ambiguous_code(
            [one.id for one, _ in found], *path, "product", "scannedCode"
        )
    average_weight_grams = found[0][1].average_weight_grams
    if average_weight_grams is not None and (read.grams or read.price_minor) and item.quantity != 1:
        return InvalidInput(path=[*path, "quantity"], message="A label is of one piece.")
    if read.price_minor is not None and average_weight_grams is None:
        message = "This product is not sold by weight: a label can't give its price."
        return InvalidInput(path=[*path, "product", "scannedCode"], message=message)
    return weights.find_weight_problem(
        average_weight_grams, item.quantity, item.grams, [*path, "weightGrams"]
    )


def validate_payment(payment: CounterPayment, total_minor: int, currency: str) -> CounterPayment:
    """The payment with a stripped reference.

    Raises DomainError: InvalidInput if it does not pay the total.
    """
    received, reference = payment.cash_received_minor, payment.terminal_reference
    if payment.tender is TenderKind.CARD:
        if received is not None:
            raise DomainError(_invalid("cashReceivedMinor", "A card gives no cash."))
        reference = parse_code(reference, "input", "terminalReference", max_length=MAX_CODE_LENGTH)
        return CounterPayment(TenderKind.CARD, None, reference)
    if reference:
        raise DomainError(_invalid("terminalReference", "Cash has no reference of a terminal."))
    if received is None or not total_minor <= received <= MAX_CASH_MINOR:
        due, most = (amount_text(minor, currency) for minor in (total_minor, MAX_CASH_MINOR))
        message = f"{due} are due, and at most {most} are taken."
        raise DomainError(_invalid("cashReceivedMinor", message))
    return payment


def _invalid(field: str, message: str) -> InvalidInput:
    return InvalidInput(path=["input", field], message=message)
