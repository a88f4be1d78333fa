"""Takes off sale what a store does not find, and has it counted: at a rejection and at picking.

A picker who finds no unit of a line takes the product off sale at once: the next customer would pay
for nothing. Of what is found in part the units that were not found are counted when the task ends
(`missing_units.count_missing`).
"""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from models.fulfillment import Fulfillment, FulfillmentRejectReason
from models.identity import Actor
from services.counting import recounts
from services.fulfillment import picking, rerouting
from services.fulfillment.fulfillment_states import PICK_LINE, REJECT, begin
from services.fulfillment.missing_units import products_not_found
from services.fulfillment.picking import LinePick
from services.stock import off_sale


async def reject(
    session: AsyncSession,
    *,
    actor: Actor,
    fulfillment_id: UUID,
    reason: FulfillmentRejectReason,
    missing_line_ids: Collection[UUID] = (),
    expected_version: int | None = None,
) -> Fulfillment:
    """Reject an order; products that are out of stock go off sale and are counted.

    Raises DomainError: as `rerouting.reject`.
    """
    products: Sequence[UUID] = ()
    if reason is FulfillmentRejectReason.OUT_OF_STOCK:
        task = await begin(session, actor, fulfillment_id, REJECT, expected_version)
        products = rerouting.missing_products(task.lines, missing_line_ids)
        # Counts are locked before stock rows, as everywhere.
        await recounts.lock_counted_lines(session, task.fulfillment.store_id, products)
    fulfillment = await rerouting.reject(
        session,
        actor=actor,
        fulfillment_id=fulfillment_id,
        reason=reason,
        missing_line_ids=missing_line_ids,
        expected_version=expected_version,
    )
    if products:
        note = f"Order {fulfillment.order_code} was rejected as out of stock."
        await recounts.count_anew(session, fulfillment.store_id, products, note, actor.person_id)
    return fulfillment


async def pick_line(
    session: AsyncSession,
    *,
    actor: Actor,
    fulfillment_id: UUID,
    pick: LinePick,
    expected_version: int | None = None,
) -> Fulfillment:
    """Record the units found of a line; a product of which none is found goes off sale.

    Damaged units count as found. A repeated pick changes nothing more. Raises DomainError: as
    `picking.pick_line`.
    """
    arguments: dict[str, Any] = {"actor": actor, "fulfillment_id": fulfillment_id}
    arguments["expected_version"] = expected_version
    if pick.quantity:
        return await picking.pick_line(session, pick=pick, **arguments)
    task = await begin(session, actor, fulfillment_id, PICK_LINE, expected_version)
    store_id, before = task.fulfillment.store_id, products_not_found(task)
    await recounts.lock_counted_lines(session, store_id, [line.product_id for line in task.lines])
    fulfillment = await picking.pick_line(session, pick=pick, **arguments)
    products = [key for key in products_not_found(task) if key not in before]
    if products:
        reference = str(fulfillment_id)  # no movement of the order's own units
        person_id = actor.person_id
        await off_sale.write_off_available(session, store_id, products, reference, person_id)
        note = f"No unit was found for order {fulfillment.order_code}."
        await recounts.count_anew(session, store_id, products, note, person_id)
    return fulfillment
