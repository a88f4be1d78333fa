"""The cart of a person at a company: which products and how many; prices are always looked up."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import bindparam, delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from database.base import uuid7
from database.statements import kept
from models.carts import Cart, CartLine, Substitution
from models.catalog import Product
from services.core import clock
from services.core.problems import InvalidInput, NotFound, Problem, Refused, VersionConflict

CART_LINES = 100
QUANTITY_MOST = 99

_THEIRS = (Cart.person_id == bindparam("person"), Cart.company_id == bindparam("company"))
CART = kept(select(Cart).where(*_THEIRS))
LOCKED = kept(
    select(Cart, clock.CLOCK)
    .where(*_THEIRS)
    .with_for_update()
    .execution_options(populate_existing=True)
)
_PUT_IN = (CartLine.added_at, CartLine.product_id)
LINES = kept(select(CartLine).where(CartLine.cart_id == bindparam("cart")).order_by(*_PUT_IN))
OPEN = kept(
    insert(Cart)
    .values(
        id=bindparam("key"),
        person_id=bindparam("person"),
        company_id=bindparam("company"),
        version=0,
    )
    .on_conflict_do_nothing(index_elements=["person_id", "company_id"])
)
CONTENTS = kept(
    select(Cart, CartLine)
    .outerjoin(CartLine, CartLine.cart_id == Cart.id)
    .where(*_THEIRS)
    .order_by(*_PUT_IN)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantityOutOfRange(Problem):
    """A quantity below 0 or above what one line can hold."""

    most: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LineLimit(Problem):
    """More lines than a cart can hold."""

    most: int


@dataclass(frozen=True, slots=True)
class WantedLine:
    """A product and how many of it; 0 takes it out. Without a wish the line keeps its own."""

    product_id: UUID
    quantity: int
    substitution: Substitution | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """Lines to set; `sold` holds the products that the serving store lists."""

    wanted: Sequence[WantedLine]
    sold: Mapping[UUID, object]
    expected_version: int | None = None


async def cart(session: AsyncSession, person_id: UUID, company_id: UUID) -> Cart | None:
    """The person's cart at the company, or None before anything was put in."""
    return await session.scalar(CART, {"person": person_id, "company": company_id})


async def lines(session: AsyncSession, cart_id: UUID) -> list[CartLine]:
    """The lines of a cart, the first put in first."""
    return list(await session.scalars(LINES, {"cart": cart_id}))


async def contents(
    session: AsyncSession, person_id: UUID, company_id: UUID
) -> tuple[Cart | None, list[CartLine]]:
    """The person's cart at the company and its lines, in one statement."""
    rows = await session.execute(CONTENTS, {"person": person_id, "company": company_id})
    found: list[tuple[Cart, CartLine | None]] = [(cart, line) for cart, line in rows]
    return (found[0][0] if found else None), [line for _, line in found if line is not None]


def check(wanted: Sequence[WantedLine]) -> None:
    """Refuse, with every reason, lines that no cart could hold, before anything is read."""
    check_size(len(wanted))
    problems: list[Problem] = []
    seen: set[UUID] = set()
    for nth, line in enumerate(wanted):
        path = ["input", "lines", str(nth)]
        if not 0 <= line.quantity <= QUANTITY_MOST:
            said = f"A quantity is from 0 to {QUANTITY_MOST}."
            problems.append(
                QuantityOutOfRange(path=[*path, "quantity"], message=said, most=QUANTITY_MOST)
            )
        if line.product_id in seen:
            said = "This product stands in another line already."
            problems.append(InvalidInput(path=[*path, "productId"], message=said))
        seen.add(line.product_id)
    if problems:
        raise Refused(*problems)


def check_size(count: int) -> None:
    """Refuse more lines than a cart holds."""
    if count > CART_LINES:
        raise Refused(_too_many())


async def set_lines(
    session: AsyncSession, *, person_id: UUID, company_id: UUID, change: Change
) -> Cart:
    """Set the quantities of these products in the person's cart; other lines stay as they are.

    What the store does not list can't be put in (NotFound), though anything may be taken out.
    Refused with QuantityOutOfRange, LineLimit or VersionConflict, and then nothing has changed.
    """
    wanted, expected_version = change.wanted, change.expected_version
    check(wanted)
    if missing := _missing(wanted, change.sold):
        raise Refused(*missing)
    row = await _lock(session, person_id, company_id)
    if expected_version is not None and expected_version != row.version:
        said = "The cart was changed elsewhere: read it again."
        raise Refused(
            VersionConflict(path=["input", "expectedVersion"], message=said, current=row.version)
        )
    held = {line.product_id: line for line in await lines(session, row.id)}
    now = await _touch(session, row)
    for nth, line in enumerate(wanted):
        # A microsecond apart, so that lines put in together keep the order they came in.
        held = await _set(session, row, held, line, now + timedelta(microseconds=nth))
    check_size(len(held))
    await session.flush()
    return row


async def empty(session: AsyncSession, person_id: UUID, company_id: UUID) -> None:
    """Take everything out of the person's cart at the company, as when it has been ordered."""
    row = await _find_locked(session, person_id, company_id)
    if row is not None:
        await session.execute(delete(CartLine).where(CartLine.cart_id == row.id))
        await _touch(session, row)


async def merge(session: AsyncSession, from_person_id: UUID, to_person_id: UUID) -> None:
    """Move a guest's carts into the account's: of a product in both the larger quantity stays.

    The scope must see both people. The account's own lines come first when there are too many.
    """
    if from_person_id == to_person_id:
        return
    guests = await session.scalars(
        select(Cart).where(Cart.person_id == from_person_id).order_by(Cart.id).with_for_update()
    )
    for guest in guests.all():
        brought = await lines(session, guest.id)
        target = await _lock(session, to_person_id, guest.company_id)
        held = {line.product_id: line for line in await lines(session, target.id)}
        now = await _touch(session, target)
        for line in brought:
            own = held.get(line.product_id)
            if own is None and len(held) >= CART_LINES:
                continue
            most = max(line.quantity, own.quantity if own else 0)
            wanted = WantedLine(line.product_id, most, None if own else line.substitution)
            held = await _set(session, target, held, wanted, now)
        await session.flush()
        await session.execute(delete(CartLine).where(CartLine.cart_id == guest.id))
        await session.delete(guest)
    await session.flush()


async def _set(
    session: AsyncSession,
    row: Cart,
    held: dict[UUID, CartLine],
    wanted: WantedLine,
    now: datetime,
) -> dict[UUID, CartLine]:
    """The lines after one of them was put in, changed or taken out."""
    line = held.get(wanted.product_id)
    if line is None:
        if not wanted.quantity:
            return held
        line = CartLine(
            cart_id=row.id, product_id=wanted.product_id, person_id=row.person_id, added_at=now
        )
        session.add(line)
    if not wanted.quantity:
        await session.delete(line)
        return {key: kept for key, kept in held.items() if kept is not line}
    line.quantity = wanted.quantity
    if wanted.substitution is not None:
        line.substitution = wanted.substitution
    return {**held, wanted.product_id: line}


async def _lock(session: AsyncSession, person_id: UUID, company_id: UUID) -> Cart:
    """The person's cart, made when missing, locked so that two devices write one after another."""
    await session.execute(OPEN, {"key": uuid7(), "person": person_id, "company": company_id})
    row = await _find_locked(session, person_id, company_id)
    if row is None:
        raise LookupError("a cart is gone that this transaction has just made or met")
    return row


async def _find_locked(session: AsyncSession, person_id: UUID, company_id: UUID) -> Cart | None:
    """The person's cart and, by the way, the time."""
    whose = {"person": person_id, "company": company_id}
    found = (await session.execute(LOCKED, whose)).first()
    if found is None:
        return None
    row, now = found
    clock.hear(session, now)
    return row


async def _touch(session: AsyncSession, row: Cart) -> datetime:
    """Raise the version and note the time, by the database's clock."""
    now = await clock.moment(session)
    row.version += 1
    row.updated_at = now
    return now


def _missing(wanted: Sequence[WantedLine], sold: Mapping[UUID, object]) -> list[Problem]:
    return [
        NotFound(
            path=["input", "lines", str(nth), "productId"],
            message=f"There is no such {Product.__name__.lower()} in this store.",
        )
        for nth, line in enumerate(wanted)
        if line.quantity and line.product_id not in sold
    ]


def _too_many() -> LineLimit:
    return LineLimit(
        path=["input", "lines"],
        message=f"A cart holds at most {CART_LINES} lines.",
        most=CART_LINES,
    )
