"""What lies on a store's counter: scanned, priced, and the money that is given for it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from models.catalog import Listing, Product
from models.counter_sales import Tender
from models.stores import Store
from services.catalog import weights
from services.core.problems import InvalidInput, Problem, Refused
from services.core.text import line as one_line

LINES_COUNT = 100
QUANTITY_UNITS = 999
CODE_LENGTH = 64
CASH_MOST_MINOR = 1_000_000_000


Known = dict[str | UUID | None, tuple[Product, Listing]]


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownCode(Problem):
    """The store lists no product with this barcode, code or id."""

    code: str


@dataclass(frozen=True, slots=True)
class Scan:
    """Something on the counter, by the barcode or code of its product, or by its key.

    `grams` is what the scale says, of what is sold by weight.
    """

    quantity: int
    code: str | None = None
    product_id: UUID | None = None
    grams: int | None = None


@dataclass(frozen=True, slots=True)
class Payment:
    """How it is paid: cash in minor units, or the terminal's reference of a card."""

    tender: Tender
    cash_received_minor: int | None = None
    terminal_reference: str = ""


@dataclass(frozen=True, slots=True)
class Priced:
    """A product, how many of it, its price here, and the line on which it was scanned first.

    What is sold by weight has its grams and the price of a kilogram.
    """

    product: Product
    unit_price_minor: int
    quantity: int
    line: int
    kilo_price_minor: int | None = None
    grams: int | None = None

    @property
    def total_minor(self) -> int:
        if self.kilo_price_minor is None or self.grams is None:
            return self.quantity * self.unit_price_minor
        return weights.cost(self.kilo_price_minor, self.grams)

    def more(self, scan: Scan) -> "Priced":
        """The same with what was scanned now."""
        grams = None if scan.grams is None else (self.grams or 0) + scan.grams
        return replace(self, quantity=self.quantity + scan.quantity, grams=grams)


async def priced(session: AsyncSession, store: Store, scans: Sequence[Scan]) -> list[Priced]:
    """What was scanned, each product once, in the order of scanning, at the store's prices.

    Refused: InvalidInput, UnknownCode, TooLight and TooHeavy, each naming its line.
    """
    if not 1 <= len(scans) <= LINES_COUNT:
        said = f"A sale has 1 to {LINES_COUNT} lines."
        raise Refused(InvalidInput(path=["input", "lines"], message=said))
    codes = {one.code.strip() for one in scans if one.code is not None}
    keys = {one.product_id for one in scans if one.product_id is not None}
    rows = await session.execute(
        select(Product, Listing)
        .join(Listing, (Listing.product_id == Product.id) & (Listing.store_id == store.id))
        .where(
            or_(
                Product.id.in_(keys),
                Product.barcode.in_(_plain(codes)),
                Product.code.in_(_plain(codes)),
            )
        )
        .order_by(Product.id.desc())
    )
    known: Known = {}
    for product, listing in rows:
        for name in (product.id, product.code, product.barcode):
            known[name] = product, listing
    problems: list[Problem] = []
    found: dict[UUID, Priced] = {}
    for number, scan in enumerate(scans):
        problem = _fault(scan, number, known)
        if problem is not None:
            problems.append(problem)
            continue
        product, listing = known[_name(scan)]
        kilo = listing.kilo_price_minor
        before = found.get(product.id) or Priced(product, listing.price_minor, 0, number, kilo)
        found[product.id] = before.more(scan)
    if problems:
        raise Refused(*problems)
    return list(found.values())


def _plain(codes: set[str]) -> set[str]:
    """Codes that a database can be asked for; no other could ever be one of a product."""
    return {code for code in codes if code.isprintable() and len(code) <= CODE_LENGTH}


def _name(scan: Scan) -> str | UUID | None:
    return scan.product_id if scan.code is None else scan.code.strip()


def _fault(scan: Scan, number: int, known: Known) -> Problem | None:
    """What is wrong with a line, if something is."""
    path = ["input", "lines", str(number)]
    if (scan.code is None) == (scan.product_id is None):
        return InvalidInput(path=path, message="Name a product by its code or by its id.")
    if not 1 <= scan.quantity <= QUANTITY_UNITS:
        said = f"A line has 1 to {QUANTITY_UNITS} units."
        return InvalidInput(path=[*path, "quantity"], message=said)
    if _name(scan) not in known:
        field = "productId" if scan.code is None else "code"
        said = "The store lists no such product."
        return UnknownCode(path=[*path, field], message=said, code=(scan.code or "")[:CODE_LENGTH])
    unit_grams = known[_name(scan)][1].unit_grams
    return weights.fault(unit_grams, scan.quantity, scan.grams, [*path, "grams"])


def checked(payment: Payment, total_minor: int) -> Payment:
    """The payment, tidied; refused with InvalidInput when it does not pay the total."""
    received, reference = payment.cash_received_minor, payment.terminal_reference
    if payment.tender is Tender.CARD:
        if received is not None:
            raise Refused(_invalid("cashReceivedMinor", "A card gives no cash."))
        reference = one_line(reference, "input", "terminalReference", most=CODE_LENGTH, least=1)
        return Payment(Tender.CARD, None, reference)
    if reference:
        raise Refused(_invalid("terminalReference", "Cash has no reference of a terminal."))
    if received is None or not total_minor <= received <= CASH_MOST_MINOR:
        said = f"{total_minor} minor units are due, and at most {CASH_MOST_MINOR} are taken."
        raise Refused(_invalid("cashReceivedMinor", said))
    return payment


def _invalid(field: str, message: str) -> InvalidInput:
    return InvalidInput(path=["input", field], message=message)
