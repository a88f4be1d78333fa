"""What goes on paper: read for those who may hold it, drawn by `gateways.paper`."""

from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from gateways.paper import Manifest, Parcel, Receipt, ReceiptLine, Slip, SlipLine
from models.accounts import Person
from models.catalog import Product, TemperatureZone
from models.companies import Company
from models.counter_sales import CounterSaleLine, CounterSaleStatus
from models.delivery import Delivery
from models.fulfillment import (
    Fulfillment,
    FulfillmentLine,
    FulfillmentStatus,
    Substitute,
    SubstituteStatus,
)
from models.identity import Actor
from models.stores import Store
from services.core.access import works_in
from services.core.clock import moment
from services.core.problems import not_found
from services.counter_sales import counter_reports
from services.fulfillment import fulfillments

PARCELS_COUNT = 500
WAITING = (FulfillmentStatus.PACKED, FulfillmentStatus.STAGED)


async def slip(session: AsyncSession, *, actor: Actor, fulfillment_id: UUID) -> Slip:
    """The packing slip of a task, for the staff of its store and support. Refused: NotFound."""
    row = await fulfillments.visible(session, actor=actor, fulfillment_id=fulfillment_id)
    store = await session.get_one(Store, row.store_id)
    return Slip(
        order_code=row.order_code,
        store_name=store.name,
        customer_name=row.customer_name,
        bags=row.bags,
        at=_local(store, row.packed_at or row.queued_at),
        lines=await _packed(session, row),
    )


async def _packed(session: AsyncSession, row: Fulfillment) -> list[SlipLine]:
    """The lines of a task, each followed by what is in the bag instead of its units."""
    instead: dict[UUID, SlipLine] = {}
    taken = await session.execute(
        select(Substitute, Product.code)
        .join(Product, Product.id == Substitute.product_id)
        .where(Substitute.fulfillment_id == row.id)
        .where(Substitute.status == SubstituteStatus.ACCEPTED)
    )
    for one, code in taken:
        found = SlipLine(one.name, code, "", 0, one.quantity, one.grams)
        instead[one.fulfillment_line_id] = found
    lines = await session.execute(
        select(FulfillmentLine, Product.code)
        .join(Product, Product.id == FulfillmentLine.product_id)
        .where(FulfillmentLine.fulfillment_id == row.id)
        .order_by(FulfillmentLine.position)
    )
    told: list[SlipLine] = []
    for line, code in lines:
        counts = (line.quantity, line.picked_quantity, line.picked_grams)
        told.append(SlipLine(line.name, code, _where(line), *counts))
        if line.id in instead:
            told.append(instead[line.id])
    return told


async def manifest(session: AsyncSession, *, actor: Actor, store_id: UUID) -> Manifest:
    """All bags that wait in a store for riders, the oldest first, for its staff. Or NotFound."""
    store = await session.get(Store, store_id)
    if store is None or not works_in(actor, store.company_id, store.id):
        raise not_found(Store, "storeId")
    rider = (
        select(Person.name)
        .join(Delivery, Delivery.rider_person_id == Person.id)
        .where(Delivery.order_id == Fulfillment.order_id)
        .order_by(Delivery.id.desc())
        .limit(1)
    )
    rows = await session.execute(
        select(Fulfillment, rider.scalar_subquery())
        .where(Fulfillment.store_id == store.id, Fulfillment.status.in_(WAITING))
        .order_by(Fulfillment.id)
        .limit(PARCELS_COUNT)
    )
    parcels = [
        Parcel(row.order_code, row.customer_name, row.bags, name or "") for row, name in rows
    ]
    return Manifest(store.name, _local(store, await moment(session)), parcels)


async def receipt(session: AsyncSession, *, actor: Actor, counter_sale_id: UUID) -> Receipt:
    """The receipt of a sale, for the people of its store. Refused: NotFound."""
    sale = await counter_reports.visible(session, actor=actor, counter_sale_id=counter_sale_id)
    store = await session.get_one(Store, sale.store_id)
    company = await session.get_one(Company, sale.company_id)
    rows = select(CounterSaleLine).where(CounterSaleLine.counter_sale_id == sale.id)
    lines = await session.scalars(rows.order_by(CounterSaleLine.position))
    return Receipt(
        company_name=company.name,
        store_name=store.name,
        number=sale.number,
        at=_local(store, sale.sold_at),
        currency=sale.currency,
        lines=[
            ReceiptLine(
                one.name,
                one.quantity,
                one.unit_price_minor,
                one.total_minor,
                one.grams,
                one.kilo_price_minor,
            )
            for one in lines
        ],
        total_minor=sale.total_minor,
        tax_minor=sale.tax_minor,
        tender=sale.tender,
        cash_received_minor=sale.cash_received_minor,
        change_minor=sale.change_minor,
        terminal_reference=sale.terminal_reference,
        voided=sale.status is CounterSaleStatus.VOIDED,
    )


def _where(line: FulfillmentLine) -> str:
    """Where a line lay: cold zones by their name, and the aisle."""
    cold = line.temperature_zone is not TemperatureZone.AMBIENT
    return f"{line.temperature_zone.title()} {line.aisle}".strip() if cold else line.aisle


def _local(store: Store, at: datetime) -> datetime:
    """A moment by the store's own clock."""
    try:
        return at.astimezone(ZoneInfo(store.timezone))
    except (ZoneInfoNotFoundError, ValueError):
        return at
