"""How long the rows of each table are kept: a rule, or the reason why none are deleted.

A test walks all tables: a new one needs a line here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from services.events.partitions import RETENTION_DAYS

IDEMPOTENCY_HOURS = 24
"""As documented for clients: a key is remembered for so long."""
AUDIT_DAYS = 730
AUDIT_PERSONAL_DAYS = 90
GUEST_DAYS = 90
RECIPIENT_DAYS = 400
DOOR_DAYS = 30
DAY_SECONDS = 24 * 3600


@dataclass(frozen=True, slots=True)
class RetentionPeriods:
    """The periods that operators may set, in days.

    After `audit_personal_days` an audit row shows who did what to which row, and no names, texts,
    addresses and places any more. `services/operations/recipient_retention.py` says what an order
    loses after `door_days` and `recipient_days` from its end.
    """

    event_days: int = RETENTION_DAYS
    audit_days: int = AUDIT_DAYS
    audit_personal_days: int = AUDIT_PERSONAL_DAYS
    guest_days: int = GUEST_DAYS
    recipient_days: int = RECIPIENT_DAYS
    door_days: int = DOOR_DAYS


DEFAULT_PERIODS = RetentionPeriods()


class Scan(Enum):
    """How the old rows of a table are found without reading all of it."""

    INDEX = "by an index on what the condition compares"
    KEY_TIME = "by the primary key, a version 7 UUID, which begins with the time of the insert"
    WALK = "in slices of the primary key, a few with each run, as too many rows are kept"


@dataclass(frozen=True, slots=True)
class RetentionRule:
    """Rows that fulfill `condition` are deleted; `:before` is the time `days` ago.

    `setting` names the period that replaces `days`. `children` are the tables whose rows go along,
    with the column that refers to `key`.
    """

    table: str
    condition: str
    days: float = 0
    scan: Scan = Scan.INDEX
    setting: str | None = None
    key: str = "id"
    children: Mapping[str, str] = field(default_factory=dict)

    def period_days(self, periods: RetentionPeriods) -> float:
        """How many days a row is kept."""
        return self.days if self.setting is None else float(getattr(periods, self.setting))


# The streams of orders, tickets, imports and files: those of stores, people and endpoints are few.
STREAM_FAMILIES = "split_part(stream, ':', 1) in ('order', 'ticket', 'import', 'file')"

# Nobody can sign in as this person any more: there is no phone, no mail, and no session in use.
OF_ABSENT_GUEST = """not exists (
        select from person where person.id = address.person_id
        and (person.phone is not null or person.email is not null)
    ) and not exists (
        select from sign_in_session session
        where session.person_id = address.person_id and session.last_used_at >= :before
    )"""

# A guest who never ordered goes last: sessions, cart and addresses are deleted by rules of their
# own, and whoever has ordered is referred to by the order. A new reference needs its place here.
REFERENCES_TO_PERSON = (
    "account_link.person_id", "address.person_id", "age_check.checked_by_id", "app.person_id",
    "cart.person_id", "fulfillment.picker_id", "fulfillment.put_back_by_id",
    "goods_receipt.received_by_id", "invitation.invited_by_id", "order.customer_id",
    "person.merged_into_id", "purchase_order.approved_by_id", "purchase_order.created_by_id",
    "rider.person_id", "sign_in_session.person_id", "stock_count.decided_by_id",
    "stock_count.started_by_id", "stock_count.submitted_by_id", "stock_count_entry.person_id",
    "stock_count_line.counted_by_id", "stock_import.started_by_id", "stock_upload.person_id",
    "stored_file.owner_id",
    "ticket.assignee_id", "ticket.customer_id", "ticket.opened_by_id", "ticket_message.author_id",
    "transfer.decided_by_id", "transfer.received_by_id", "transfer.requested_by_id",
    "transfer.shipped_by_id",
)  # fmt: skip


def _has_no(table: str, condition: str) -> str:
    # A scalar subquery: `not exists` may be planned as a join that reads the whole other table.
    row = f'select true from "{table}" as other where {condition}'  # noqa: S608 - of constants
    return f" and ({row} limit 1) is null"


UNUSED_GUEST = (
    "created_at < :before and phone is null and email is null"
    + _has_no("membership", "other.person_id = person.id and other.role <> 'CUSTOMER'")
    + "".join(
        _has_no(table, f"other.{column} = person.id")
        for table, _, column in (name.partition(".") for name in REFERENCES_TO_PERSON)
    )
)

RULES: tuple[RetentionRule, ...] = (
    RetentionRule("idempotency_key", "created_at < :before", IDEMPOTENCY_HOURS / 24, key="ctid"),
    RetentionRule("attempt", "tried_at < :before", 1, key="ctid"),
    RetentionRule("one_time_code", "expires_at < :before", 7, Scan.KEY_TIME),
    RetentionRule("account_link", "expires_at < :before", 7, Scan.KEY_TIME),
    RetentionRule("outgoing_message", "created_at < :before", 7, Scan.KEY_TIME),
    RetentionRule("invitation", "answered_at < :before", 90, Scan.KEY_TIME),
    RetentionRule("refresh_token", "expires_at < :before", 30, Scan.KEY_TIME),
    RetentionRule(
        "sign_in_session",
        "expires_at < :before or revoked_at < :before",
        30,
        children={"refresh_token": "session_id"},
    ),
    RetentionRule("app_secret", "coalesce(revoked_at, expires_at) < :before", 400, Scan.KEY_TIME),
    RetentionRule("payment_notice", "done_at < :before", 90, key="ctid"),
    RetentionRule("hold", "created_at < :before and status <> 'HELD'", 30, key="ctid"),
    RetentionRule("delivery_offer", "status <> 'OFFERED'", 90, Scan.KEY_TIME),
    RetentionRule("delivery_track", "last_recorded_at < :before", 30, key="delivery_id"),
    RetentionRule("stock_alert", "resolved_at < :before", 90, Scan.KEY_TIME),
    RetentionRule("price_change", "status in ('ENDED', 'CANCELED')", 400, Scan.KEY_TIME),
    RetentionRule("stock_set", "applied_at < :before", 90, Scan.KEY_TIME),
    RetentionRule(
        "stock_import",
        "status in ('COMPLETED', 'FAILED')",
        400,
        Scan.KEY_TIME,
        children={"stock_import_row": "import_id"},
    ),
    RetentionRule(
        "webhook_delivery",
        "created_at < :before and status <> 'PENDING'",
        30,
        children={"webhook_attempt": "delivery_id"},
    ),
    # An item that no longer fails is not listed: its job has not tried it for a day, so it is not
    # due any more. A dead letter of three months gets another ten attempts if it is due still.
    RetentionRule(
        "job_failure",
        "(not dead_lettered and next_attempt_at < :before)"
        " or (dead_lettered and last_failed_at < :before - interval '89 days')",
        1,
        Scan.KEY_TIME,
    ),
    # A stream without an event in the log: nobody can read on from its last number.
    RetentionRule(
        "stream",
        f"at < :before - interval '30 days' and {STREAM_FAMILIES}",
        scan=Scan.WALK,
        setting="event_days",
        key="stream",
    ),
    RetentionRule(
        "cart",
        "updated_at < :before",
        scan=Scan.WALK,
        setting="guest_days",
        children={"cart_line": "cart_id"},
    ),
    RetentionRule(
        "address",
        f"removed_at < :before or (created_at < :before and {OF_ABSENT_GUEST})",
        scan=Scan.WALK,
        setting="guest_days",
    ),
    RetentionRule(
        "person",
        UNUSED_GUEST,
        scan=Scan.WALK,
        setting="guest_days",
        children={"membership": "person_id"},
    ),
)

OTHER_JOBS: Mapping[str, str] = {
    "audit_entry": "retention.delete_old: by functions of the database, as nobody may change it",
    "event": "event_day.keep: a day is dropped as a whole",
    "stock_upload": "stock_import.forget_files: with its file, after a day",
    "stored_file": "file.forget: with its objects in the storage, a day after its end",
}

MASTER_DATA = "master data: as many rows as there are things, and people archive them"
ONE_EACH = "one row for each thing of another table, written over"
ORDER_BOOKS = (
    "part of a sale: kept with its books, as tax and commercial law ask for; recipients are removed"
)
STOCK_BOOKS = "part of the stock ledger: its sums are the units there are, and recalls need it"
PURCHASE_BOOKS = "part of the purchase books, as tax and commercial law ask for"

KEPT: Mapping[str, str] = {
    **dict.fromkeys(
        (
            "app", "brand", "category", "company", "listing", "product", "product_code",
            "rider", "store", "store_hours", "store_zone", "supplier", "supplier_product",
            "webhook_endpoint",
        ),
        MASTER_DATA,
    ),
    **dict.fromkeys(
        (
            "rider_position", "reorder_proposal", "reorder_run", "stock", "stock_audit",
            "counter_till", "event_place", "stock_alert_check", "job_cursor", "job_state",
        ),
        ONE_EACH,
    ),
    **dict.fromkeys(
        (
            "order", "order_line", "order_change", "payment", "refund", "fulfillment",
            "fulfillment_line", "substitute", "picked_batch", "delivery", "counter_sale",
            "counter_sale_line",
            "ticket", "ticket_message", "put_back_line", "dispute", "age_check",
        ),
        ORDER_BOOKS,
    ),
    **dict.fromkeys(
        (
            "stock_entry", "stock_batch", "batch_recall", "stock_count", "stock_count_line",
            "stock_count_entry", "transfer", "transfer_line", "transfer_lot",
        ),
        STOCK_BOOKS,
    ),
    **dict.fromkeys(
        ("purchase_order", "purchase_order_line", "goods_receipt", "goods_receipt_line"),
        PURCHASE_BOOKS,
    ),
}  # fmt: skip
