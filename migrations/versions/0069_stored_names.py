"""Names in stored JSON and in the log of events become those of the columns.

Revision ID: 0069
Revises: 0068
"""

import json
from collections.abc import Callable

from alembic import op

revision = "0069"
down_revision = "0068"
EVENT_TYPES = {
    "PAYMENT_TIME_EXTENDED": "PAYMENT_DEADLINE_EXTENDED",
    "SUBSTITUTE_PROPOSED": "SUBSTITUTION_PROPOSED",
    "SUBSTITUTE_ACCEPTED": "SUBSTITUTION_ACCEPTED",
    "SUBSTITUTE_DECLINED": "SUBSTITUTION_DECLINED",
    "DELIVERY_TO_STORE": "DELIVERY_EN_ROUTE_TO_STORE",
    "DELIVERY_TO_CUSTOMER": "DELIVERY_EN_ROUTE_TO_CUSTOMER",
}
REASONS = {
    "ORDER_CANCELED": {
        "NO_RIDER": "NO_RIDER_AVAILABLE",
        "NO_STORE": "NO_STORE_AVAILABLE",
        "NOT_DELIVERED": "DELIVERY_FAILED",
    },
    "DELIVERY_ATTEMPT_FAILED": {
        "REFUSED": "RECIPIENT_REFUSED",
        "UNSAFE": "UNSAFE_LOCATION",
        "DAMAGED": "ITEMS_DAMAGED",
        "NOBODY_HOME": "RECIPIENT_UNAVAILABLE",
    },
    "FULFILLMENT_REJECTED": {"TECHNICAL": "TECHNICAL_ISSUE"},
}
ORDER_KEYS = {
    "items_minor": "subtotal_minor",
    "tax_rate_bp": "tax_rate_basis_points",
    "headroom_minor": "authorization_buffer_minor",
    "drop_note": "delivery_instructions",
    "distance_m": "dropoff_distance_meters",
}
LINE_KEYS = {
    "unit_grams": "average_weight_grams",
    "kilo_price_minor": "price_per_kilogram_minor",
    "headroom_minor": "authorization_buffer_minor",
    "substitution": "substitution_preference",
}
SHARE_KEYS = {"expires_on": "sell_by_date"}
PROBLEM_KEYS = {"current": "current_version", "held": "reserved"}
TABLES = ("event", "order_change", "counter_sale", "stock_set")


def upgrade() -> None:
    _rename(dict)


def downgrade() -> None:
    _rename(lambda names: {new: old for old, new in names.items()})


def _rename(direction: Callable[[dict[str, str]], dict[str, str]]) -> None:
    # The owner would otherwise be held to the policies, which show no row without a scope.
    for table in TABLES:
        op.execute(f"alter table {table} no force row level security")
    for old, new in direction(EVENT_TYPES).items():
        op.execute(f"update event set type = '{new}' where type = '{old}'")
    for event_type, reasons in REASONS.items():
        for old, new in direction(reasons).items():
            op.execute(
                f"""update event set body = body || '{{"reason": "{new}"}}'"""
                f" where type = '{event_type}' and body ->> 'reason' = '{old}'"
            )
    lines, values = direction(LINE_KEYS), direction(ORDER_KEYS)
    for column in ("wanted", "previous"):
        renamed = (
            f"jsonb_build_object('lines', {_of_list(f'{column} -> $$lines$$', lines)},"
            f" 'values', {_of_object(f'{column} -> $$values$$', values)})"
        )
        op.execute(
            f"update order_change set {column} = {column} || {renamed}"
            f" where {column} ? 'lines' and {column} ? 'values'"
        )
    shipped = _of_list("shares -> 'shipped'", direction(SHARE_KEYS))
    op.execute(
        f"update counter_sale set shares = shares || jsonb_build_object('shipped', {shipped})"
        " where shares ? 'shipped'"
    )
    problems = _of_object("one -> 1", direction(PROBLEM_KEYS))
    op.execute(
        "update stock_set set refused = jsonb_build_object('problems', (select"
        f" jsonb_agg(jsonb_build_array(one -> 0, {problems}) order by place)"
        " from jsonb_array_elements(refused -> 'problems') with ordinality as of_list (one, place)))"
        " where jsonb_array_length(coalesce(refused -> 'problems', '[]')) > 0"
    )
    for table in TABLES:
        op.execute(f"alter table {table} force row level security")


def _of_object(source: str, names: dict[str, str]) -> str:
    """The object `source` with new keys."""
    mapping = f"'{json.dumps(names)}'::jsonb"
    return (
        f"(select coalesce(jsonb_object_agg(coalesce({mapping} ->> key, key), value), '{{}}')"
        f" from jsonb_each({source}))"
    )


def _of_list(source: str, names: dict[str, str]) -> str:
    """The list of objects `source` with new keys."""
    return (
        f"(select coalesce(jsonb_agg({_of_object('one', names)} order by place), '[]')"
        f" from jsonb_array_elements({source}) with ordinality as of_list (one, place))"
    )
