"""Reads the contents of printed documents; `gateways.pdf_documents` renders them as PDF."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from gateways.pdf_documents import (
    ManifestOrder,
    PackingSlip,
    PackingSlipLine,
    PickupManifest,
    Receipt,
    ReceiptLine,
)
from models.accounts import User
from models.catalog import Product, TemperatureZone
from models.companies import Company
from models.counter_sales import PosSaleLine, PosSaleStatus
from models.delivery import Delivery
from models.fulfillment import (
    Fulfillment,
    FulfillmentLine,
    FulfillmentStatus,
    Substitution,
    SubstitutionStatus,
)
from models.identity import Actor
from models.stores import Store
from services.core.access import may_operate_store
from services.core.clock import current_time
from services.core.problems import not_found
from services.counter_sales import counter_reports
from services.fulfillment import fulfillments
from services.stores.store_time import local_time, zone_time

MAX_MANIFEST_ORDERS = 500
AWAITING_PICKUP = (FulfillmentStatus.PACKED, FulfillmentStatus.STAGED)


async def read_packing_slip(
    session: AsyncSession, *, actor: Actor, fulfillment_id: UUID
) -> PackingSlip:
    """The packing slip of a fulfillment, for its store's staff and support.

    Raises DomainError: NotFound.
    """
    fulfillment = await fulfillments.visible_fulfillment(
        session, actor=actor, fulfillment_id=fulfillment_id
    )
    store = await session.get_one(Store, fulfillment.store_id)
    return PackingSlip(
        order_code=fulfillment.order_code,
        store_name=store.name,
        customer_name=_recipient(fulfillment, actor),
        bags=fulfillment.bag_count,
        at=local_time(store, fulfillment.packed_at or fulfillment.queued_at),
        lines=await _read_slip_lines(session, fulfillment),
    )


async def _read_slip_lines(
    session: AsyncSession, fulfillment: Fulfillment
) -> list[PackingSlipLine]:
    """The fulfillment's lines, each followed by its substitute, if one was accepted."""
    substitutes: dict[UUID, PackingSlipLine] = {}
    accepted = await session.execute(
        select(Substitution, Product.code)
        .join(Product, Product.id == Substitution.product_id)
        .where(Substitution.fulfillment_id == fulfillment.id)
        .where(Substitution.status == SubstitutionStatus.ACCEPTED)
    )
    for substitute, code in accepted:
        packed = substitute.quantity, substitute.weight_grams
        slip_line = PackingSlipLine(substitute.name, code, "", 0, *packed)
        substitutes[substitute.fulfillment_line_id] = slip_line
    lines = await session.execute(
        select(FulfillmentLine, Product.code)
        .join(Product, Product.id == FulfillmentLine.product_id)
        .where(FulfillmentLine.fulfillment_id == fulfillment.id)
        .order_by(FulfillmentLine.position)
    )
    slip_lines: list[PackingSlipLine] = []
    for line, code in lines:
        units = line.quantity, line.picked_quantity, line.picked_weight_grams
        slip_lines.append(PackingSlipLine(line.name, code, _aisle(line), *units))
        if line.id in substitutes:
            slip_lines.append(substitutes[line.id])
    return slip_lines


async def read_manifest(session: AsyncSession, *, actor: Actor, store_id: UUID) -> PickupManifest:
    """Packed orders that wait in a store for riders, oldest first, for its staff.

    Raises DomainError: NotFound.
    """
    store = await session.get(Store, store_id)
    if store is None or not may_operate_store(actor, store.company_id, store.id):
        raise not_found(Store, "storeId")
    rider_name = (
        select(User.name)
        .join(Delivery, Delivery.rider_person_id == User.id)
        .where(Delivery.order_id == Fulfillment.order_id)
        .order_by(Delivery.id.desc())
        .limit(1)
    )
    rows = await session.execute(
        select(Fulfillment, rider_name.scalar_subquery())
        .where(Fulfillment.store_id == store.id, Fulfillment.status.in_(AWAITING_PICKUP))
        .order_by(Fulfillment.id)
        .limit(MAX_MANIFEST_ORDERS)
    )
    orders = [
        ManifestOrder(row.order_code, _recipient(row, actor), row.bag_count, name or "")
        for row, name in rows
    ]
    return PickupManifest(store.name, local_time(store, await current_time(session)), orders)


async def read_receipt(session: AsyncSession, *, actor: Actor, counter_sale_id: UUID) -> Receipt:
    """The receipt of a counter sale, for its store's staff. Raises DomainError: NotFound."""
    sale = await counter_reports.visible_sale(session, actor=actor, counter_sale_id=counter_sale_id)
    store = await session.get_one(Store, sale.store_id)
    company = await session.get_one(Company, sale.company_id)
    query = select(PosSaleLine).where(PosSaleLine.counter_sale_id == sale.id)
    lines = await session.scalars(query.order_by(PosSaleLine.position))
    return Receipt(
        company_name=company.name,
        store_name=store.name,
        number=sale.receipt_number,
        at=zone_time(sale.timezone, sale.sold_at),
        currency=sale.currency,
        lines=[
            ReceiptLine(
                line.name,
                line.quantity,
                line.unit_price_minor,
                line.total_minor,
                line.weight_grams,
                line.price_per_kilogram_minor,
            )
            for line in lines
        ],
        total_minor=sale.total_minor,
        tax_minor=sale.tax_minor,
        tender=sale.tender_type,
        cash_received_minor=sale.cash_received_minor,
        change_minor=sale.change_minor,
        terminal_reference=sale.terminal_reference,
        voided=sale.status is PosSaleStatus.VOIDED,
    )


def _recipient(fulfillment: Fulfillment, actor: Actor) -> str:
    """Whom the bags are for; empty for those who may not see it."""
    may_see = fulfillments.may_see_recipient(fulfillment, actor)
    return fulfillment.customer_name if may_see else ""


def _aisle(line: FulfillmentLine) -> str:
    """The aisle of a line, after the name of its temperature zone if that is a cold one."""
    is_cold = line.temperature_zone is not TemperatureZone.AMBIENT
    return f"{line.temperature_zone.title()} {line.aisle}".strip() if is_cold else line.aisle
