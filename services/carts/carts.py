"""A person's cart at a company: products and quantities; prices are always looked up."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import bindparam, delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from database.base import uuid7
from database.statements import prepared
from models.carts import Cart, CartLine, SubstitutionPreference
from models.catalog import Product
from services.core import clock
from services.core.problems import DomainError, InvalidInput, NotFound, Problem
from services.core.state_machine import check_version

MAX_CART_LINES = 100
MAX_MERGED_LINES = 2 * MAX_CART_LINES
"""A guest's and an account's cart have room in one; such a cart takes no new products."""
MAX_LINE_QUANTITY = 99

_CART_KEY = (Cart.person_id == bindparam("person"), Cart.company_id == bindparam("company"))
LOCK_CART = prepared(
    select(Cart, clock.CLOCK_TIMESTAMP)
    .where(*_CART_KEY)
    .with_for_update()
    .execution_options(populate_existing=True)
)
_INSERTION_ORDER = (CartLine.added_at, CartLine.product_id)
LINES_OF_CART = prepared(
    select(CartLine).where(CartLine.cart_id == bindparam("cart")).order_by(*_INSERTION_ORDER)
)
CREATE_IF_MISSING = prepared(
    insert(Cart)
    .values(
        id=bindparam("key"),
        person_id=bindparam("person"),
        company_id=bindparam("company"),
        version=0,
    )
    .on_conflict_do_nothing(index_elements=["person_id", "company_id"])
)
CART_WITH_LINES = prepared(
    select(Cart, CartLine)
    .outerjoin(CartLine, CartLine.cart_id == Cart.id)
    .where(*_CART_KEY)
    .order_by(*_INSERTION_ORDER)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantityOutOfRange(Problem):
    """A quantity below 0 or above the limit per line."""

    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LineLimit(Problem):
    """More lines than a cart allows."""

    limit: int


@dataclass(frozen=True, slots=True)
class CartLineChange:
    """A new quantity of a product, 0 removes it; without `substitution` the line keeps its own."""

    product_id: UUID
    quantity: int
    substitution: SubstitutionPreference | None = None


@dataclass(frozen=True, slots=True)
class CartChange:
    """Lines to set; `listed_products` are those that the serving store lists, by id."""

    lines: Sequence[CartLineChange]
    listed_products: Mapping[UUID, object]
    expected_version: int | None = None


async def list_lines(session: AsyncSession, cart_id: UUID) -> list[CartLine]:
    """Return the lines of a cart in the order in which they were added."""
    return list(await session.scalars(LINES_OF_CART, {"cart": cart_id}))


async def load_contents(
    session: AsyncSession, person_id: UUID, company_id: UUID
) -> tuple[Cart | None, list[CartLine]]:
    """Load the person's cart at the company and its lines, with one statement."""
    rows = await session.execute(CART_WITH_LINES, {"person": person_id, "company": company_id})
    pairs: list[tuple[Cart, CartLine | None]] = [(cart, line) for cart, line in rows]
    return (pairs[0][0] if pairs else None), [line for _, line in pairs if line is not None]


def validate_lines(changes: Sequence[CartLineChange]) -> None:
    """Validate the changes without reading any row.

    Raises DomainError: LineLimit, or QuantityOutOfRange and InvalidInput for each invalid line.
    """
    validate_line_count(len(changes))
    problems: list[Problem] = []
    seen: set[UUID] = set()
    for index, line in enumerate(changes):
        path = ["input", "lines", str(index)]
        if not 0 <= line.quantity <= MAX_LINE_QUANTITY:
            message = f"A quantity is from 0 to {MAX_LINE_QUANTITY}."
            problems.append(
                QuantityOutOfRange(
                    path=[*path, "quantity"], message=message, limit=MAX_LINE_QUANTITY
                )
            )
        if line.product_id in seen:
            message = "This product stands in another line already."
            problems.append(InvalidInput(path=[*path, "productId"], message=message))
        seen.add(line.product_id)
    if problems:
        raise DomainError(*problems)


def validate_line_count(count: int) -> None:
    """Raise DomainError: LineLimit for more lines than a cart allows."""
    if count > MAX_CART_LINES:
        message = f"A cart or an order has at most {MAX_CART_LINES} lines."
        raise DomainError(LineLimit(path=["input", "lines"], message=message, limit=MAX_CART_LINES))


async def set_lines(
    session: AsyncSession, *, person_id: UUID, company_id: UUID, change: CartChange
) -> Cart:
    """Set the quantities of products in the person's cart; other lines are unchanged.

    A call that changes nothing keeps the version, and a wish for substitution is renewed.
    Products that the store does not list can be removed but not added. Raises DomainError:
    NotFound, InvalidInput, QuantityOutOfRange, LineLimit, VersionConflict.
    """
    changes, expected_version = change.lines, change.expected_version
    validate_lines(changes)
    if not_listed := _not_listed(changes, change.listed_products):
        raise DomainError(*not_listed)
    row = await _lock(session, person_id, company_id)
    check_version(row, expected_version, "The cart was changed elsewhere: read it again.")
    lines = {line.product_id: line for line in await list_lines(session, row.id)}
    before = _contents(lines)
    now = await _touch(session, row)
    for index, line_change in enumerate(changes):
        # One microsecond apart, so that lines added together keep their order.
        added_at = now + timedelta(microseconds=index)
        lines = await _set(session, row, lines, line_change, added_at)
    row.version += _contents(lines) != before
    if len(lines) > len(before):
        validate_line_count(len(lines))
    await session.flush()
    return row


def _contents(
    lines: Mapping[UUID, CartLine],
) -> dict[UUID, tuple[int, SubstitutionPreference | None]]:
    """What the lines ask for, by product; a new line without a wish has none yet."""
    return {key: (line.quantity, line.substitution) for key, line in lines.items()}


async def merge_carts(session: AsyncSession, from_person_id: UUID, to_person_id: UUID) -> None:
    """Merge a guest's carts into the account's, the guest's products behind those of the account.

    A product in both keeps the larger quantity and the later wish for substitution. The session's
    scope must include both people. At MAX_MERGED_LINES the account's lines have priority.
    """
    if from_person_id == to_person_id:
        return
    guests = await session.scalars(
        select(Cart).where(Cart.person_id == from_person_id).order_by(Cart.id).with_for_update()
    )
    for guest in guests.all():
        await _merge_cart(session, guest, to_person_id)
        await session.execute(delete(CartLine).where(CartLine.cart_id == guest.id))
        await session.delete(guest)
    await session.flush()


async def _merge_cart(session: AsyncSession, guest: Cart, to_person_id: UUID) -> None:
    guest_lines = await list_lines(session, guest.id)
    target = await _lock(session, to_person_id, guest.company_id)
    lines = {line.product_id: line for line in await list_lines(session, target.id)}
    now = await _touch(session, target)
    target.version += 1
    for index, line in enumerate(guest_lines):
        own = lines.get(line.product_id)
        if own is None and len(lines) >= MAX_MERGED_LINES:
            continue
        quantity = max(line.quantity, own.quantity if own else 0)
        line_change = CartLineChange(line.product_id, quantity)
        lines = await _set(session, target, lines, line_change, now + timedelta(microseconds=index))
        merged = lines[line.product_id]
        if own is None or _is_later(line.substitution_at, own.substitution_at):
            merged.substitution = line.substitution
            merged.substitution_at = line.substitution_at
    await session.flush()


def _is_later(time: datetime | None, other: datetime | None) -> bool:
    """Whether `time` is after `other`; None is before every time."""
    return time is not None and (other is None or time > other)


async def _set(
    session: AsyncSession,
    cart: Cart,
    lines: dict[UUID, CartLine],
    change: CartLineChange,
    added_at: datetime,
) -> dict[UUID, CartLine]:
    """Add, change or remove one line; return the lines by product id."""
    line = lines.get(change.product_id)
    if line is None:
        if not change.quantity:
            return lines
        line = CartLine(
            cart_id=cart.id,
            product_id=change.product_id,
            person_id=cart.person_id,
            added_at=added_at,
        )
        session.add(line)
    if not change.quantity:
        await session.delete(line)
        return {key: other for key, other in lines.items() if other is not line}
    line.quantity = change.quantity
    if change.substitution is not None:
        line.substitution = change.substitution
        line.substitution_at = cart.updated_at
    return {**lines, change.product_id: line}


async def _lock(session: AsyncSession, person_id: UUID, company_id: UUID) -> Cart:
    """Create the person's cart if missing and lock it, so that two devices write in turn."""
    await session.execute(
        CREATE_IF_MISSING, {"key": uuid7(), "person": person_id, "company": company_id}
    )
    row = await _find_locked(session, person_id, company_id)
    if row is None:
        raise LookupError("a cart that this transaction has created or found is gone")
    return row


async def _find_locked(session: AsyncSession, person_id: UUID, company_id: UUID) -> Cart | None:
    """Lock the person's cart, and take over the clock reading of the same statement."""
    parameters = {"person": person_id, "company": company_id}
    row = (await session.execute(LOCK_CART, parameters)).first()
    if row is None:
        return None
    cart, now = row
    clock.set_current_time(session, now)
    return cart


async def _touch(session: AsyncSession, row: Cart) -> datetime:
    """Set the update time and return it."""
    now = await clock.current_time(session)
    row.updated_at = now
    return now


def _not_listed(
    changes: Sequence[CartLineChange], listed_products: Mapping[UUID, object]
) -> list[Problem]:
    return [
        NotFound(
            path=["input", "lines", str(index), "productId"],
            message=f"There is no such {Product.__name__.lower()} in this store.",
        )
        for index, line in enumerate(changes)
        if line.quantity and line.product_id not in listed_products
    ]
