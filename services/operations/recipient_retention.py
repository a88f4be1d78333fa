"""Orders of the past lose for whom they were: rows and sums stay, as books ask for them.

After `door_days` from its end an order has no note for the rider (with the gate code) any more, and
its place is rounded to 0.01 degrees, about a kilometre. After `recipient_days` name and address are
removed as well: until then an invoice may need them. The copies of deliveries, of tasks of the
store and of changes go with them, and so do free texts about people: notes on an order and its
refunds, and what was written in tickets, from the day on which the ticket was resolved.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from database.base import first_uuid7_at
from models.delivery import OPEN_DELIVERY_SQL
from services.core.clock import current_time
from services.operations import job_cursors
from services.operations.retention_rules import DAY_SECONDS, RetentionPeriods

SLICE_ROWS = 1_000
FIRST_KEY = UUID(int=0)


@dataclass(frozen=True, slots=True)
class MaskRule:
    """What rows of a table lose, after the period of a setting from the end of what they are of.

    `values` are expressions of SQL by column; rows that fulfill `ended` have ended at `:before`.
    """

    table: str
    setting: str
    ended: str
    values: Mapping[str, str]

    @property
    def name(self) -> str:
        """The name by which it is listed, such as `order.door_days`."""
        return f"{self.table}.{self.setting}"


NO_TEXT = "''"
ROUNDED = {name: f"round({name}::numeric, 2)::float8" for name in ("latitude", "longitude")}
DOOR = {"delivery_instructions": NO_TEXT, **ROUNDED}
RECIPIENT = {"customer_name": NO_TEXT, "address_line": NO_TEXT, **DOOR}
ORDER_ENDED = (
    "status in ('COMPLETED', 'CANCELED', 'EXPIRED', 'PAYMENT_FAILED')"
    " and greatest(placed_at, completed_at, canceled_at, reopened_at) < :before"
)
DELIVERY_ENDED = f"not ({OPEN_DELIVERY_SQL}) and greatest(created_at, delivered_at) < :before"
TASK_ENDED = (
    "status not in ('QUEUED', 'ACCEPTED', 'PICKING', 'AWAITING_SUBSTITUTION', 'PACKED', 'STAGED',"
    " 'READY_FOR_PICKUP') and greatest(queued_at, handed_over_at) < :before"
)
REFUND_ENDED = "status not in ('REQUESTED', 'PENDING', 'FAILED') and created_at < :before"
SALE_ENDED = "status = 'VOIDED' and voided_at < :before"
TICKET_ENDED = "status = 'RESOLVED' and greatest(opened_at, resolved_at) < :before"
MESSAGE_ENDED = (
    "sent_at < :before and exists (select from ticket"
    f" where ticket.id = ticket_message.ticket_id and {TICKET_ENDED})"
)
CHANGE_ENDED = "status <> 'AWAITING_PAYMENT' and requested_at < :before"


def _without_address(column: str) -> str:
    paths = ("address_line", "delivery_instructions", "latitude", "longitude")
    return column + "".join(f" #- '{{values,{name}}}'" for name in paths)


MASKS: tuple[MaskRule, ...] = (
    MaskRule("order", "door_days", ORDER_ENDED, DOOR),
    MaskRule("delivery", "door_days", DELIVERY_ENDED, DOOR),
    MaskRule(
        "order_change",
        "door_days",
        CHANGE_ENDED,
        {name: _without_address(name) for name in ("wanted", "previous")},
    ),
    MaskRule(
        "order",
        "recipient_days",
        ORDER_ENDED,
        {**RECIPIENT, "cancel_note": NO_TEXT, "reopen_note": NO_TEXT},
    ),
    MaskRule(
        "delivery",
        "recipient_days",
        DELIVERY_ENDED,
        {**RECIPIENT, "failure_note": NO_TEXT, "override_note": NO_TEXT},
    ),
    MaskRule(
        "fulfillment",
        "recipient_days",
        TASK_ENDED,
        {"customer_name": NO_TEXT, "override_note": NO_TEXT},
    ),
    MaskRule("refund", "recipient_days", REFUND_ENDED, {"note": NO_TEXT, "resolution": NO_TEXT}),
    MaskRule("counter_sale", "recipient_days", SALE_ENDED, {"void_note": NO_TEXT}),
    MaskRule(
        "ticket",
        "recipient_days",
        TICKET_ENDED,
        {"subject": NO_TEXT, "details": NO_TEXT, "resolution": NO_TEXT},
    ),
    MaskRule("ticket_message", "recipient_days", MESSAGE_ENDED, {"body": NO_TEXT}),
)


ABOUT_GOODS = "about goods and their documents, between people of companies: part of the books"
CODES = "opens nothing after the end of what it was made for"
PROVIDER = "words of the provider of cards, which names nobody"
OF_ACCOUNT = "of an account, which its person changes; guests who never ordered are deleted"
KEPT_TEXTS: Mapping[str, str] = {
    **dict.fromkeys(("person.name", "person.email", "person.phone"), OF_ACCOUNT),
    **dict.fromkeys(
        (
            "batch_recall.reason", "goods_receipt.note", "purchase_order.note",
            "purchase_order.closing_note", "stock_count.note", "transfer.note",
            "transfer.decision_note", "webhook_endpoint.suspension_reason",
            "counter_sale.terminal_reference",
        ),
        ABOUT_GOODS,
    ),
    **dict.fromkeys(("supplier.name", "supplier.email", "supplier.phone"), "of a company"),
    **dict.fromkeys(
        (
            "delivery.return_code", "fulfillment.handover_code", "order.delivery_pin",
            "payment.client_secret", "payment.next_action_url",
        ),
        CODES,
    ),
    **dict.fromkeys(
        (
            "dispute.reason", "payment.failure_code", "payment.failure_message",
            "refund.failure_message", "payment.last_error", "refund.last_error",
        ),
        PROVIDER,
    ),
    "delivery.rider_name": "who brought it: books of rides are paid by it",
    "rider_position.latitude": "the present place of a rider, written over",
    "rider_position.longitude": "the present place of a rider, written over",
    "product.search_text": "of goods",
    "product_code.text": "of goods",
}  # fmt: skip
"""Texts and personal data that stay with their rows, with the reason."""


async def mask_batch(
    session: AsyncSession, rule: MaskRule, periods: RetentionPeriods
) -> tuple[int, bool]:
    """Mask the next slice of a table; returns how many rows changed, and whether there are more.

    The next run goes on where this one stopped, and the one after the last begins anew: a row that
    somebody has locked, or that had not ended, has its turn then.
    """
    days = float(getattr(periods, rule.setting))
    before = await current_time(session, -days * DAY_SECONDS)
    name = f"{rule.name}.mask"
    after = UUID(await job_cursors.lock_cursor(session, name, str(FIRST_KEY)))
    bounds: dict[str, Any] = {"after": after, "until": first_uuid7_at(before.timestamp())}
    last = await session.scalar(text(_slice_end(rule)), {**bounds, "most": SLICE_ROWS})
    await job_cursors.store_cursor(session, name, str(last or FIRST_KEY))
    if last is None:
        return 0, False
    values = {"after": after, "last": last, "before": before}
    changed = (await session.execute(text(mask_statement(rule)), values)).all()
    return len(changed), True


def _slice_end(rule: MaskRule) -> str:
    return (
        f'select id from (select id from "{rule.table}" where id > :after and id < :until'  # noqa: S608 - of constants
        " order by id limit :most) as slice order by id desc limit 1"
    )


def mask_statement(rule: MaskRule) -> str:
    """The statement that masks the rows of a slice; parameters: `after`, `last`, `before`."""
    changed = " or ".join(f"{column} <> {value}" for column, value in rule.values.items())
    values = ", ".join(f"{column} = {value}" for column, value in rule.values.items())
    ended = rule.ended.replace(":before", "cast(:before as timestamptz)")
    old = (
        f'select id from "{rule.table}" where id > :after and id <= :last'  # noqa: S608 - of constants
        f" and {ended} and ({changed}) limit {SLICE_ROWS} for update skip locked"
    )
    return (
        f'with old as ({old}) update "{rule.table}" set {values}'  # noqa: S608 - of constants
        " where id = any (array(select id from old)) returning 1"
    )
