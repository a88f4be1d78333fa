"""Columns, values and constraints get the names that the graph shows.

Revision ID: 0068
Revises: 0067
"""

from alembic import op

revision = "0068"
down_revision = "0067"

# table, old name, new name
COLUMNS = [
    ("address", "line", "address_line"),
    ("address", "drop_note", "delivery_instructions"),
    ("stock_alert", "kind", "type"),
    ("product", "offer_text", "promotion_label"),
    ("product", "unit_grams", "average_weight_grams"),
    ("listing", "unit_grams", "average_weight_grams"),
    ("listing", "kilo_price_minor", "price_per_kilogram_minor"),
    ("listing", "offer_text", "promotion_label"),
    ("store", "kind", "type"),
    ("company", "small_order_below_minor", "small_order_threshold_minor"),
    ("company", "free_delivery_from_minor", "free_delivery_threshold_minor"),
    ("company", "tax_rate_bp", "tax_rate_basis_points"),
    ("company", "weighed_headroom_bp", "authorization_buffer_basis_points"),
    ("order_change", "due_at", "payment_due_at"),
    ("order", "items_minor", "subtotal_minor"),
    ("order", "tax_rate_bp", "tax_rate_basis_points"),
    ("order", "headroom_minor", "authorization_buffer_minor"),
    ("order", "charged_minor", "final_total_minor"),
    ("order", "charged_tax_minor", "final_tax_minor"),
    ("order", "drop_note", "delivery_instructions"),
    ("order", "distance_m", "dropoff_distance_meters"),
    ("order", "due_at", "payment_due_at"),
    ("order_line", "unit_grams", "average_weight_grams"),
    ("order_line", "kilo_price_minor", "price_per_kilogram_minor"),
    ("order_line", "headroom_minor", "authorization_buffer_minor"),
    ("order_line", "packed_grams", "packed_weight_grams"),
    ("order_line", "charged_minor", "final_total_minor"),
    ("order_line", "substitution", "substitution_preference"),
    ("counter_sale", "number", "receipt_number"),
    ("counter_sale", "tender", "tender_type"),
    ("counter_sale_line", "grams", "weight_grams"),
    ("counter_sale_line", "kilo_price_minor", "price_per_kilogram_minor"),
    ("stock_count", "round", "count_round"),
    ("stock_count_entry", "round", "count_round"),
    ("stock_count_entry", "at", "counted_at"),
    ("delivery", "age_result", "age_check_result"),
    ("delivery", "drop_note", "delivery_instructions"),
    ("delivery", "distance_m", "dropoff_distance_meters"),
    ("delivery", "round", "dispatch_round"),
    ("delivery", "bags", "bag_count"),
    ("delivery", "fail_reason", "failure_reason"),
    ("delivery", "fail_note", "failure_note"),
    ("delivery", "failed_attempts", "failed_attempt_count"),
    ("delivery_offer", "round", "dispatch_round"),
    ("delivery_offer", "distance_m", "pickup_distance_meters"),
    ("delivery_offer", "eta_seconds", "pickup_eta_seconds"),
    ("delivery_offer", "ride_m", "dropoff_distance_meters"),
    ("delivery_track", "points", "point_count"),
    ("delivery_track", "first_at", "first_recorded_at"),
    ("delivery_track", "last_at", "last_recorded_at"),
    ("fulfillment", "attempt", "attempt_number"),
    ("fulfillment", "age_result", "age_check_result"),
    ("fulfillment", "bags", "bag_count"),
    ("fulfillment", "due_at", "next_step_due_at"),
    ("fulfillment_line", "unit_grams", "average_weight_grams"),
    ("fulfillment_line", "most_grams", "max_weight_grams"),
    ("fulfillment_line", "picked_grams", "picked_weight_grams"),
    ("substitute", "grams", "weight_grams"),
    ("substitute", "due_at", "answer_due_at"),
    ("stock_import", "on_error", "error_policy"),
    ("stock_import", "rows_total", "row_count"),
    ("stock_import", "rows_done", "processed_row_count"),
    ("stock_import", "rows_failed", "failed_row_count"),
    ("stock_import_row", "fault", "code"),
    ("stock_set", "on_error", "error_policy"),
    ("stock_set", "applied", "applied_count"),
    ("stock_set", "unchanged", "unchanged_count"),
    ("stock_set", "at", "applied_at"),
    ("app_secret", "kind", "type"),
    ("app_secret", "hint", "masked_value"),
    ("webhook_endpoint", "selection", "payload_selection"),
    ("webhook_endpoint", "ordered", "preserve_order"),
    ("webhook_endpoint", "suspended_because", "suspension_reason"),
    ("webhook_endpoint", "previous_until", "previous_secret_expires_at"),
    ("webhook_endpoint", "failures", "consecutive_failure_count"),
    ("webhook_delivery", "type", "event_type"),
    ("webhook_delivery", "event_at", "occurred_at"),
    ("webhook_delivery", "round", "replay_number"),
    ("webhook_delivery", "attempts_count", "attempt_count"),
    ("webhook_delivery", "due_at", "next_attempt_at"),
    ("webhook_attempt", "at", "attempted_at"),
    ("webhook_attempt", "latency_ms", "latency_milliseconds"),
    ("webhook_attempt", "snippet", "response_snippet"),
    ("job_state", "every_seconds", "interval_seconds"),
    ("job_state", "began_at", "last_started_at"),
    ("job_state", "duration_ms", "duration_milliseconds"),
    ("job_state", "done", "processed_count"),
    ("job_state", "runs", "run_count"),
    ("job_state", "failures", "consecutive_failure_count"),
    ("job_failure", "tries", "attempt_count"),
    ("job_failure", "transient_tries", "transient_attempt_count"),
    ("job_failure", "first_at", "first_failed_at"),
    ("job_failure", "last_at", "last_failed_at"),
    ("job_failure", "next_at", "next_attempt_at"),
    ("job_failure", "dead", "dead_lettered"),
    ("payment", "authorized_minor", "authorized_amount_minor"),
    ("payment", "captured_minor", "captured_amount_minor"),
    ("payment", "refunded_minor", "refunded_amount_minor"),
    ("payment", "disputed_minor", "disputed_amount_minor"),
    ("supplier", "lead_days", "lead_time_days"),
    ("supplier", "review_days", "review_period_days"),
    ("supplier_product", "sku", "supplier_sku"),
    ("supplier_product", "pack_units", "units_per_pack"),
    ("supplier_product", "lead_days", "lead_time_days"),
    ("purchase_order", "end_note", "closing_note"),
    ("purchase_order", "expected_on", "expected_date"),
    ("purchase_order", "ended_at", "closed_at"),
    ("purchase_order_line", "sku", "supplier_sku"),
    ("purchase_order_line", "packs", "pack_quantity"),
    ("purchase_order_line", "pack_units", "units_per_pack"),
    ("goods_receipt", "at", "received_at"),
    ("goods_receipt_line", "expires_on", "sell_by_date"),
    ("reorder_run", "products", "product_count"),
    ("reorder_run", "proposals", "proposal_count"),
    ("reorder_proposal", "level", "average_daily_demand"),
    ("reorder_proposal", "deviation", "forecast_error"),
    ("reorder_proposal", "demand", "forecast_demand"),
    ("reorder_proposal", "safety", "safety_stock"),
    ("reorder_proposal", "lead_days", "lead_time_days"),
    ("reorder_proposal", "review_days", "review_period_days"),
    ("reorder_proposal", "drafted", "on_draft_orders"),
    ("reorder_proposal", "cover_days", "days_of_cover"),
    ("reorder_proposal", "packs", "pack_quantity"),
    ("reorder_proposal", "pack_units", "units_per_pack"),
    ("rider_position", "speed_mps", "speed_meters_per_second"),
    ("rider_position", "accuracy_m", "accuracy_meters"),
    ("rider_position", "seen_at", "recorded_at"),
    ("stock", "held", "reserved"),
    ("stock", "damaged", "unsellable"),
    ("stock_entry", "delta", "on_hand_delta"),
    ("stock_entry", "damaged_delta", "unsellable_delta"),
    ("stock_entry", "at", "occurred_at"),
    ("stock_batch", "expires_on", "sell_by_date"),
    ("stock_batch", "damaged", "unsellable"),
    ("batch_recall", "at", "recalled_at"),
    ("ticket", "kind", "category"),
    ("ticket", "first_answered_at", "first_responded_at"),
    ("ticket_message", "at", "sent_at"),
    ("transfer_lot", "expires_on", "sell_by_date"),
    ("outgoing_message", "attempts_count", "attempt_count"),
]
INDEXES = []
CONSTRAINTS = [
    ("product", "ck_product_unit_grams", "ck_product_average_weight_grams"),
    ("counter_sale", "uq_counter_sale_store_id_number", "uq_counter_sale_store_id_receipt_number"),
    ("counter_sale_line", "ck_counter_sale_line_grams", "ck_counter_sale_line_weight_grams"),
    ("delivery_track", "ck_delivery_track_points", "ck_delivery_track_point_count"),
    (
        "fulfillment_line",
        "ck_fulfillment_line_picked_grams",
        "ck_fulfillment_line_picked_weight_grams",
    ),
    ("substitute", "ck_substitute_grams", "ck_substitute_weight_grams"),
    (
        "webhook_endpoint",
        "ck_webhook_endpoint_failures",
        "ck_webhook_endpoint_consecutive_failure_count",
    ),
    ("supplier", "ck_supplier_review_days", "ck_supplier_review_period_days"),
    ("supplier", "ck_supplier_lead_days", "ck_supplier_lead_time_days"),
    ("supplier_product", "ck_supplier_product_lead_days", "ck_supplier_product_lead_time_days"),
    ("supplier_product", "ck_supplier_product_pack_units", "ck_supplier_product_units_per_pack"),
    (
        "purchase_order_line",
        "ck_purchase_order_line_pack_units",
        "ck_purchase_order_line_units_per_pack",
    ),
    ("purchase_order_line", "ck_purchase_order_line_packs", "ck_purchase_order_line_pack_quantity"),
    ("reorder_proposal", "ck_reorder_proposal_packs", "ck_reorder_proposal_pack_quantity"),
    ("reorder_proposal", "ck_reorder_proposal_pack_units", "ck_reorder_proposal_units_per_pack"),
    ("stock", "ck_stock_damaged", "ck_stock_unsellable"),
    ("stock_entry", "ck_stock_entry_delta", "ck_stock_entry_on_hand_delta"),
    ("stock_batch", "ck_stock_batch_damaged", "ck_stock_batch_unsellable"),
]
# table, column, enum
STORED = [
    ("stock_alert", "type", "AlertKind"),
    ("price_change", "status", "PriceChangeStatus"),
    ("order", "cancel_reason", "CancelReason"),
    ("age_check", "document", "AgeDocument"),
    ("counter_sale", "age_document", "AgeDocument"),
    ("stock_count", "status", "StockCountStatus"),
    ("delivery", "status", "DeliveryStatus"),
    ("delivery", "failure_reason", "FailReason"),
    ("fulfillment", "reject_reason", "RejectReason"),
    ("fulfillment_line", "status", "FulfillmentLineStatus"),
    ("stock_import", "error_policy", "ErrorPolicy"),
    ("stock_import_row", "code", "RowFault"),
    ("stock_set", "error_policy", "ErrorPolicy"),
    ("webhook_delivery", "status", "DeliveryState"),
    ("payment", "status", "PaymentStatus"),
    ("purchase_order", "status", "PurchaseOrderStatus"),
    ("stock_entry", "reason", "StockReason"),
    ("ticket", "status", "TicketStatus"),
    ("transfer", "status", "TransferStatus"),
]
VALUES = {
    "AgeDocument": {"DRIVING_LICENCE": "DRIVING_LICENSE"},
    "AlertKind": {"LOW": "LOW_STOCK", "NEGATIVE_TREND": "SALES_DECLINE"},
    "CancelReason": {
        "NO_RIDER": "NO_RIDER_AVAILABLE",
        "NO_STORE": "NO_STORE_AVAILABLE",
        "NOT_DELIVERED": "DELIVERY_FAILED",
    },
    "DeliveryState": {"DEAD": "FAILED"},
    "DeliveryStatus": {"TO_STORE": "EN_ROUTE_TO_STORE", "TO_CUSTOMER": "EN_ROUTE_TO_CUSTOMER"},
    "ErrorPolicy": {"SKIP_BAD": "SKIP_INVALID"},
    "FailReason": {
        "REFUSED": "RECIPIENT_REFUSED",
        "UNSAFE": "UNSAFE_LOCATION",
        "DAMAGED": "ITEMS_DAMAGED",
        "NOBODY_HOME": "RECIPIENT_UNAVAILABLE",
    },
    "FulfillmentLineStatus": {"SUBSTITUTE_PROPOSED": "SUBSTITUTION_PROPOSED"},
    "PaymentStatus": {"PARTLY_REFUNDED": "PARTIALLY_REFUNDED"},
    "PriceChangeStatus": {"DONE": "ENDED"},
    "PurchaseOrderStatus": {"PARTLY_RECEIVED": "PARTIALLY_RECEIVED"},
    "RejectReason": {"TECHNICAL": "TECHNICAL_ISSUE"},
    "RowFault": {"BELOW_HELD": "BELOW_RESERVED"},
    "StockCountStatus": {"COUNTING": "IN_PROGRESS"},
    "StockReason": {
        "SHORT": "PICK_SHORTAGE",
        "EXPECTED": "INCOMING",
        "OPENING": "OPENING_BALANCE",
        "COUNTER_SALE": "POS_SALE",
    },
    "TicketStatus": {"WAITING": "AWAITING_CUSTOMER"},
    "TransferStatus": {"SHIPPED": "IN_TRANSIT", "PARTLY_RECEIVED": "PARTIALLY_RECEIVED"},
}
# Partial indexes and checks whose text names a value: table, name, new text, old text
REMADE = [
    (
        "purchase_order",
        "ix_purchase_order_open",
        "CREATE INDEX ix_purchase_order_open ON purchase_order (store_id, status) WHERE status in ('DRAFT','APPROVED','PARTIALLY_RECEIVED')",
        "CREATE INDEX ix_purchase_order_open ON purchase_order (store_id, status) WHERE status in ('DRAFT','APPROVED','PARTLY_RECEIVED')",
    ),
]
LEDGER = "stock_entry"
# Customers see the position of their rider in some statuses, which the policy names.
POLICY = "select qual from pg_policies where tablename = 'rider_position' and policyname = 'scope'"


def upgrade() -> None:
    for table, old, new in COLUMNS:
        op.alter_column(table, old, new_column_name=new)
    for _, old, new in INDEXES:
        op.execute(f'alter index "{old}" rename to "{new}"')
    for table, old, new in CONSTRAINTS:
        op.execute(f'alter table "{table}" rename constraint "{old}" to "{new}"')
    for _, name, _, _ in REMADE:
        op.execute(f'drop index "{name}"')
    for table, column, enum in STORED:
        _replace(table, column, VALUES[enum])
    for _, _, new, _ in REMADE:
        op.execute(new)
    _replace_in_policy(VALUES["DeliveryStatus"])


def downgrade() -> None:
    _replace_in_policy({new: old for old, new in VALUES["DeliveryStatus"].items()})
    for _, name, _, _ in REMADE:
        op.execute(f'drop index "{name}"')
    for table, column, enum in STORED:
        _replace(table, column, {new: old for old, new in VALUES[enum].items()})
    for _, _, _, old in REMADE:
        op.execute(old)
    for table, old, new in CONSTRAINTS:
        op.execute(f'alter table "{table}" rename constraint "{new}" to "{old}"')
    for _, old, new in INDEXES:
        op.execute(f'alter index "{new}" rename to "{old}"')
    for table, old, new in COLUMNS:
        op.alter_column(table, new, new_column_name=old)


def _replace_in_policy(values: dict[str, str]) -> None:
    condition = op.get_bind().exec_driver_sql(POLICY).scalar_one()
    for old, new in values.items():
        condition = condition.replace(f"'{old}'", f"'{new}'")
    op.execute(f"alter policy scope on rider_position using ({condition})")


def _replace(table: str, column: str, values: dict[str, str]) -> None:
    """Replace stored values; row-level security is forced for the owner as well."""
    cases = " ".join(f"when '{old}' then '{new}'" for old, new in values.items())
    listed = ", ".join(f"'{old}'" for old in values)
    if table == LEDGER:
        op.execute(f"alter table {table} disable trigger keep")
    op.execute(f'alter table "{table}" no force row level security')
    op.execute(
        f'update "{table}" set "{column}" = case "{column}" {cases} end'
        f' where "{column}" in ({listed})'
    )
    op.execute(f'alter table "{table}" force row level security')
    if table == LEDGER:
        op.execute(f"alter table {table} enable trigger keep")
