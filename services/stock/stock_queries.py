"""Reads of a store's stock and its ledger, for the staff of the store."""

from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from models.catalog import Product
from models.identity import Actor
from models.stock import StockLevel, StockMovement
from models.stores import Store
from services.catalog.code_lookup import has_code
from services.catalog.search_text import MAX_QUERY_LENGTH, names_match
from services.core.access import may_operate_store
from services.core.pages import Page, build_page, check_page_size, decode_cursor
from services.core.problems import not_found
from services.core.text import parse_line
from services.stock.stock_writer import MAX_ON_HAND_UNITS


async def visible_store(session: AsyncSession, actor: Actor, store_id: UUID) -> Store:
    """The store, if the actor works there; else NotFound at `storeId`."""
    store = await session.get(Store, store_id)
    if store is None or not may_operate_store(actor, store.company_id, store.id):
        raise not_found(Store, "storeId")
    return store


async def list_of_store(
    session: AsyncSession,
    *,
    actor: Actor,
    store_id: UUID,
    first: int,
    cursor: str | None,
    search: str = "",
    max_available: int | None = None,
) -> Page[StockLevel]:
    """A page of a store's stock rows in the order of product ids.

    `search` is words of a name, the last one may be cut, or a whole code or barcode;
    `max_available` keeps rows with that many available units or fewer.
    Raises DomainError: NotFound, InvalidInput.
    """
    check_page_size(first)
    store = await visible_store(session, actor, store_id)
    statement = (
        select(StockLevel).where(StockLevel.store_id == store_id).order_by(StockLevel.product_id)
    )
    if (start := decode_cursor(cursor, StockLevel.product_id)) is not None:
        statement = statement.where(StockLevel.product_id > start[0])
    if max_available is not None:
        available = StockLevel.on_hand - StockLevel.reserved
        statement = statement.where(available <= min(max_available, MAX_ON_HAND_UNITS))
    if words := parse_line(search, "search", max_length=MAX_QUERY_LENGTH):
        matches = or_(has_code(words, store.company_id), names_match(Product.search, words))
        statement = statement.join(Product, Product.id == StockLevel.product_id).where(matches)
    rows = (await session.scalars(statement.limit(first + 1))).all()
    return build_page(rows, first, cursor, lambda row: (str(row.product_id),))


async def list_movements(
    session: AsyncSession,
    *,
    actor: Actor,
    store_id: UUID,
    product_id: UUID | None,
    first: int,
    cursor: str | None,
) -> Page[StockMovement]:
    """A page of the ledger of a store, or of one product in it, the newest first.

    Raises DomainError: NotFound, InvalidInput.
    """
    check_page_size(first)
    await visible_store(session, actor, store_id)
    statement = select(StockMovement).where(StockMovement.store_id == store_id)
    if product_id is not None:
        statement = statement.where(StockMovement.product_id == product_id)
    if (start := decode_cursor(cursor, StockMovement.id)) is not None:
        statement = statement.where(StockMovement.id < start[0])
    statement = statement.order_by(StockMovement.id.desc()).limit(first + 1)
    rows = (await session.scalars(statement)).all()
    return build_page(rows, first, cursor, lambda row: (str(row.id),))
