"""Sales at a store's counter: priced, paid and taken from stock in one transaction.

Units reserved for orders are not for sale here. The stock ledger shows a sale as POS_SALE with
the sale's key as its reference; voiding it returns the same units to the same batches.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from models.catalog import MINIMUM_AGE
from models.companies import Company
from models.counter_sales import (
    CounterTill,
    PosSale,
    PosSaleAction,
    PosSaleLine,
    PosSaleStatus,
)
from models.identity import Actor
from models.orders import AgeCheckDocument, AgeCheckResult
from models.stock import StockMovementReason
from models.stores import Store
from services.carts.age_restrictions import TooYoung, age_problems
from services.carts.basket_problems import InsufficientStock
from services.carts.totals import included_tax
from services.core.access import MANAGER_ROLES, may_operate_store
from services.core.clock import current_time
from services.core.problems import DomainError, not_found
from services.core.state_machine import StateMachine, Transition, has_role_in_store
from services.core.text import parse_line
from services.counter_sales.counter_baskets import (
    CounterBasketLine,
    CounterPayment,
    ScannedItem,
    price_basket,
    validate_payment,
)
from services.orders.age_checks import ShownDocument, check_document
from services.stock import movements, receiving
from services.stock.movements import IssuedUnits
from services.stock.receiving import StockReceiptLine
from services.stores.store_time import business_day, calendar_date, read_business_day

MAX_NOTE_LENGTH = 200


def _may_void(sale: PosSale, actor: Actor) -> bool:
    return actor.has_store_role(sale.company_id, sale.store_id, MANAGER_ROLES)


def _refusal(sale: PosSale, action: PosSaleAction) -> str:
    return "Only a sale of the same day can be undone, and once."


MACHINE: StateMachine[PosSale, PosSaleAction, PosSaleStatus] = StateMachine(
    name="PosSale",
    model=PosSale,
    status=PosSaleStatus,
    noun="sale",
    id_path="posSaleId",
    initial={PosSaleStatus.COMPLETED},
    transitions=(
        Transition(
            PosSaleAction.VOID,
            {PosSaleStatus.COMPLETED},
            {PosSaleStatus.VOIDED},
            MANAGER_ROLES,
            note="on its business day",
        ),
    ),
    is_visible=_may_void,
    permits=has_role_in_store,
    refusal=_refusal,
)


def available_actions(sale: PosSale, actor: Actor, today: date) -> list[PosSaleAction]:
    """The actions that the actor may take now; none after the sale's business day."""
    return MACHINE.available_actions(sale, actor, _blocked_actions(sale, today))


def _blocked_actions(sale: PosSale, today: date) -> frozenset[PosSaleAction]:
    return frozenset() if sale.business_day == today else frozenset(PosSaleAction)


async def complete(
    session: AsyncSession,
    *,
    actor: Actor,
    store_id: UUID,
    scans: Sequence[ScannedItem],
    payment: CounterPayment,
    shown: ShownDocument | None = None,
) -> PosSale:
    """Sell the scanned items at the store's prices and assign the next receipt number.

    `shown` proves the customer's age, which products that are not sold to minors take. Raises
    DomainError: NotFound, InvalidInput, AgeConfirmationRequired, TooYoung, and UnknownProductCode,
    AmbiguousProductCode, InsufficientStock, TooLight and TooHeavy, each with the path of its line.
    """
    store = await session.get(Store, store_id)
    if store is None or not may_operate_store(actor, store.company_id, store.id):
        raise not_found(Store, "storeId")
    company = await session.get_one(Company, store.company_id)
    basket = await price_basket(session, store, scans)
    total = sum(line.total_minor for line in basket)
    now = await current_time(session)
    document = _check_age(basket, shown, calendar_date(store, now))
    payment = validate_payment(payment, total, company.currency)
    sale = _new_sale(store, company, actor, total, payment)
    sale.sold_at, sale.timezone = now, store.timezone
    if document is not None:
        sale.minimum_age, sale.age_document = MINIMUM_AGE, document
    sale.business_day = business_day(store, sale.sold_at)
    issued = await _issue_stock(session, sale, basket, actor)
    sale.shares = {"shipped": [_to_share(units) for units in issued]}
    sale.receipt_number = await _next_number(session, store)
    session.add(sale)
    await session.flush()
    session.add_all(_to_line(sale, line, position) for position, line in enumerate(basket, 1))
    await session.flush()
    return sale


def _check_age(
    basket: Sequence[CounterBasketLine], shown: ShownDocument | None, today: date
) -> AgeCheckDocument | None:
    """The document that proved the age; None when nothing in the basket takes a proof.

    Raises DomainError: AgeConfirmationRequired without a document, TooYoung by it, InvalidInput.
    """
    restricted = [line.product.id for line in basket if line.product.age_restricted]
    if not restricted:
        return None
    path = ["input", "ageCheck"]
    document = None if shown is None or shown.document is AgeCheckDocument.NONE else shown.document
    message = "no document was checked."
    checked_age = None if document is None else MINIMUM_AGE
    if problems := age_problems(restricted, checked_age, *path, message=message):
        raise DomainError(*problems)
    if shown and check_document(shown, MINIMUM_AGE, today, "ageCheck") is AgeCheckResult.FAILED:
        message = f"By the document the customer is under {MINIMUM_AGE}: this is not sold to them."
        young = TooYoung(
            path=path, message=message, product_ids=restricted, minimum_age=MINIMUM_AGE
        )
        raise DomainError(young)
    return document


def _new_sale(
    store: Store, company: Company, actor: Actor, total_minor: int, payment: CounterPayment
) -> PosSale:
    return PosSale(
        company_id=company.id,
        store_id=store.id,
        currency=company.currency,
        total_minor=total_minor,
        tax_minor=included_tax(total_minor, company.tax_rate_basis_points),
        tender_type=payment.tender,
        cash_received_minor=payment.cash_received_minor,
        change_minor=(payment.cash_received_minor or total_minor) - total_minor,
        terminal_reference=payment.terminal_reference,
        cashier_id=actor.person_id,
        status=PosSaleStatus.COMPLETED,
    )


async def _issue_stock(
    session: AsyncSession, sale: PosSale, basket: Sequence[CounterBasketLine], actor: Actor
) -> list[IssuedUnits]:
    """Take the units from stock; InsufficientStock gets the path of the product's first scan."""
    line_indexes = {line.product.id: str(line.line_index) for line in basket}
    try:
        return await movements.issue(
            session,
            company_id=sale.company_id,
            store_id=sale.store_id,
            lines={line.product.id: line.quantity for line in basket},
            reason=StockMovementReason.POS_SALE,
            reference=str(sale.id),
            actor_id=actor.person_id,
        )
    except DomainError as error:
        raise DomainError(
            *(
                replace(one, path=["input", "lines", line_indexes[one.product_id], "quantity"])
                if isinstance(one, InsufficientStock)
                else one
                for one in error.problems
            )
        ) from None


def _to_share(units: IssuedUnits) -> dict[str, str | int | None]:
    return {
        "product_id": str(units.product_id),
        "quantity": units.quantity,
        "batch_code": units.batch_code,
        "sell_by_date": units.sell_by_date.isoformat() if units.sell_by_date else None,
    }


async def _next_number(session: AsyncSession, store: Store) -> int:
    """Increment the store's receipt number; a sale that is rolled back leaves no gap."""
    first_sale = insert(CounterTill).values(
        store_id=store.id, company_id=store.company_id, last_number=1
    )
    upsert = first_sale.on_conflict_do_update(
        index_elements=["store_id"], set_={"last_number": CounterTill.last_number + 1}
    )
    result = await session.execute(upsert.returning(CounterTill.last_number))
    return int(result.scalar_one())


def _to_line(sale: PosSale, line: CounterBasketLine, position: int) -> PosSaleLine:
    return PosSaleLine(
        counter_sale_id=sale.id,
        position=position,
        company_id=sale.company_id,
        store_id=sale.store_id,
        product_id=line.product.id,
        name=line.product.name,
        currency=sale.currency,
        unit_price_minor=line.unit_price_minor,
        quantity=line.quantity,
        weight_grams=line.grams,
        price_per_kilogram_minor=line.price_per_kilogram_minor,
        total_minor=line.total_minor,
    )


async def void(session: AsyncSession, *, actor: Actor, counter_sale_id: UUID, note: str) -> PosSale:
    """Void a sale on its business day and return its units to stock; the store's managers may.

    A business day may go on after midnight: units whose last day of sale is over are set aside.
    Raises DomainError: NotFound, InvalidInput, InvalidTransition if it is voided or of an earlier
    day.
    """
    sale = await MACHINE.lock_visible(session, actor, counter_sale_id)
    note = parse_line(note, "input", "note", max_length=MAX_NOTE_LENGTH, min_length=1)
    blocked = _blocked_actions(sale, await read_business_day(session, sale.store_id))
    MACHINE.check(sale, actor, PosSaleAction.VOID, blocked=blocked)
    await receiving.receive(
        session,
        company_id=sale.company_id,
        store_id=sale.store_id,
        lines=[_to_receipt_line(share) for share in sale.shares["shipped"]],
        reason=StockMovementReason.POS_SALE,
        reference=str(sale.id),
        actor_id=actor.person_id,
        sets_expired_aside=True,
    )
    MACHINE.set_status(sale, PosSaleStatus.VOIDED)
    sale.void_note = note
    sale.voided_at, sale.voided_by_id = await current_time(session), actor.person_id
    await session.flush()
    return sale


def _to_receipt_line(share: dict[str, str | int | None]) -> StockReceiptLine:
    sell_by_date = share["sell_by_date"]
    code = share["batch_code"]
    return StockReceiptLine(
        product_id=UUID(str(share["product_id"])),
        quantity=int(share["quantity"] or 0),
        batch_code=None if code is None else str(code),
        sell_by_date=date.fromisoformat(str(sell_by_date)) if sell_by_date else None,
    )
