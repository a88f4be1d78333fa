"""Sales over the counter: scanned, priced and taken off the shelf in one unit of work.

What is promised to orders is not for sale here. The ledger shows a sale as COUNTER_SALE, with the
sale as its reference; undoing it puts the same units back into the same batches.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from models.companies import Company
from models.counter_sales import (
    CounterSale,
    CounterSaleAction,
    CounterSaleLine,
    CounterSaleStatus,
    CounterTill,
)
from models.identity import Actor, Role
from models.stock import StockReason
from models.stores import Store
from services.carts.basket_problems import InsufficientStock
from services.carts.totals import included_tax
from services.core.access import works_in
from services.core.clock import moment
from services.core.problems import IllegalStep, Refused, not_found
from services.core.text import line as one_line
from services.counter_sales.counter_baskets import Payment, Priced, Scan, checked, priced
from services.stock import movements, receiving
from services.stock.movements import Shipped
from services.stock.receiving import Received, today_in

NOTE_LENGTH = 200
MANAGER_ROLES = frozenset({Role.STORE_MANAGER, Role.COMPANY_ADMIN, Role.SUPER_ADMIN})
# From which states each step may be taken.
STEPS = {CounterSaleAction.VOID: frozenset({CounterSaleStatus.COMPLETED})}


def legal(row: CounterSale, today: date) -> list[CounterSaleAction]:
    """What can still be done with a sale: nothing after its own day."""
    return [
        action
        for action, states in STEPS.items()
        if row.status in states and row.business_day == today
    ]


async def complete(
    session: AsyncSession, *, actor: Actor, store_id: UUID, scans: Sequence[Scan], payment: Payment
) -> CounterSale:
    """Sell what lies on the counter at the store's prices, and give the next receipt number.

    Refused: NotFound, InvalidInput, UnknownCode, InsufficientStock, TooLight and TooHeavy, each
    naming its line.
    """
    store = await session.get(Store, store_id)
    if store is None or not works_in(actor, store.company_id, store.id):
        raise not_found(Store, "storeId")
    company = await session.get_one(Company, store.company_id)
    basket = await priced(session, store, scans)
    total = sum(one.total_minor for one in basket)
    payment = checked(payment, total)
    sale = CounterSale(
        company_id=company.id,
        store_id=store.id,
        business_day=await today_in(session, store.id),
        currency=company.currency,
        total_minor=total,
        tax_minor=included_tax(total, company.tax_rate_bp),
        tender=payment.tender,
        cash_received_minor=payment.cash_received_minor,
        change_minor=(payment.cash_received_minor or total) - total,
        terminal_reference=payment.terminal_reference,
        cashier_id=actor.person_id,
        status=CounterSaleStatus.COMPLETED,
        sold_at=await moment(session),
    )
    shipped = await _ship(session, sale, basket, actor)
    sale.shares = {"shipped": [_share(one) for one in shipped]}
    sale.number = await _next_number(session, store)
    session.add(sale)
    await session.flush()
    session.add_all(_line(sale, one, position) for position, one in enumerate(basket, 1))
    await session.flush()
    return sale


async def _ship(
    session: AsyncSession, sale: CounterSale, basket: Sequence[Priced], actor: Actor
) -> list[Shipped]:
    """Take it all off the shelf; a refusal names the lines on which the products were scanned."""
    places = {one.product.id: str(one.line) for one in basket}
    try:
        return await movements.ship(
            session,
            company_id=sale.company_id,
            store_id=sale.store_id,
            lines={one.product.id: one.quantity for one in basket},
            reason=StockReason.COUNTER_SALE,
            reference=str(sale.id),
            actor_id=actor.person_id,
        )
    except Refused as refused:
        raise Refused(
            *(
                replace(one, path=["input", "lines", places[one.product_id], "quantity"])
                if isinstance(one, InsufficientStock)
                else one
                for one in refused.reasons
            )
        ) from None


def _share(one: Shipped) -> dict[str, str | int | None]:
    return {
        "product_id": str(one.product_id),
        "quantity": one.quantity,
        "batch_code": one.batch_code,
        "expires_on": one.expires_on.isoformat() if one.expires_on else None,
    }


async def _next_number(session: AsyncSession, store: Store) -> int:
    """The store's next receipt number; a sale that is rolled back leaves no gap."""
    first = insert(CounterTill).values(
        store_id=store.id, company_id=store.company_id, last_number=1
    )
    following = first.on_conflict_do_update(
        index_elements=["store_id"], set_={"last_number": CounterTill.last_number + 1}
    )
    given = await session.execute(following.returning(CounterTill.last_number))
    return int(given.scalar_one())


def _line(sale: CounterSale, one: Priced, position: int) -> CounterSaleLine:
    return CounterSaleLine(
        counter_sale_id=sale.id,
        position=position,
        company_id=sale.company_id,
        store_id=sale.store_id,
        product_id=one.product.id,
        name=one.product.name,
        currency=sale.currency,
        unit_price_minor=one.unit_price_minor,
        quantity=one.quantity,
        grams=one.grams,
        kilo_price_minor=one.kilo_price_minor,
        total_minor=one.total_minor,
    )


async def void(
    session: AsyncSession, *, actor: Actor, counter_sale_id: UUID, note: str
) -> CounterSale:
    """Undo a sale on its own day: its units go back on the shelf. Its store's managers may.

    Refused: NotFound, IllegalStep when it is undone already or of an earlier day, InvalidInput.
    """
    row = await session.get(
        CounterSale, counter_sale_id, with_for_update=True, populate_existing=True
    )
    if row is None or not actor.works_at(row.company_id, row.store_id, MANAGER_ROLES):
        raise not_found(CounterSale, "counterSaleId")
    note = one_line(note, "input", "note", most=NOTE_LENGTH, least=1)
    steps = legal(row, await today_in(session, row.store_id))
    if CounterSaleAction.VOID not in steps:
        said = "Only a sale of the same day can be undone, and once."
        path = ["input", "counterSaleId"]
        raise Refused(IllegalStep(path=path, message=said, state=row.status, legal=[*steps]))
    await receiving.receive(
        session,
        company_id=row.company_id,
        store_id=row.store_id,
        lines=[_back(one) for one in row.shares["shipped"]],
        reason=StockReason.COUNTER_SALE,
        reference=str(row.id),
        actor_id=actor.person_id,
    )
    row.status, row.void_note = CounterSaleStatus.VOIDED, note
    row.voided_at, row.voided_by_id = await moment(session), actor.person_id
    await session.flush()
    return row


def _back(share: dict[str, str | int | None]) -> Received:
    expires = share["expires_on"]
    code = share["batch_code"]
    return Received(
        product_id=UUID(str(share["product_id"])),
        quantity=int(share["quantity"] or 0),
        batch_code=None if code is None else str(code),
        expires_on=date.fromisoformat(str(expires)) if expires else None,
    )
