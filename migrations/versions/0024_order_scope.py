"""Orders and what belongs to them are visible by store, no longer by company, to a store's staff.

`app.order_companies` are the companies whose orders the caller sees in every store (admins,
support), `app.order_stores` the stores whose orders the caller sees. A row without a store of its
own follows its order, so that an order that moves to another store takes everything along.

Revision ID: 0024
Revises: 0023
"""

from alembic import op

revision = "0024"
down_revision = "0023"

FUNCTIONS = """
create function app_order_companies() returns uuid[] language sql stable parallel safe
    return coalesce(nullif(current_setting('app.order_companies', true), ''), '{}')::uuid[];
create function app_order_stores() returns uuid[] language sql stable parallel safe
    return coalesce(nullif(current_setting('app.order_stores', true), ''), '{}')::uuid[];
"""

# The sub-selects make Postgres ask once a statement, not once a row.
PLATFORM = "(select app_platform())"
ME = "(select app_person())"
CUSTOMER = f"customer_id = {ME}"
COMPANY = "company_id = any ((select app_order_companies())::uuid[])"
STORES = "any ((select app_order_stores())::uuid[])"
IN_A_STORE = "(select cardinality(app_order_stores())) > 0"

HEAD = f"{PLATFORM} or {COMPANY}"
OWN_STORE = f"{HEAD} or store_id = {STORES}"


def of(parent: str, link: str) -> str:
    """For the staff of the store of the row's parent; read only where there is such a staff."""
    store = f'select p.store_id from "{parent}" p where p.id = {link}'
    return f"({IN_A_STORE} and ({store}) = {STORES})"


POLICIES = {
    "order": f"{OWN_STORE} or {CUSTOMER}",
    "order_line": f"{HEAD} or {CUSTOMER} or {of('order', 'order_line.order_id')}",
    "payment": f"{HEAD} or {CUSTOMER} or {of('order', 'payment.order_id')}",
    "refund": f"{HEAD} or {CUSTOMER} or {of('order', 'refund.order_id')}",
    "substitute": f"{HEAD} or {CUSTOMER} or {of('order', 'substitute.order_id')}",
    "fulfillment": f"{OWN_STORE} or {CUSTOMER}",
    "fulfillment_line": f"{OWN_STORE} or {CUSTOMER}",
    "ticket": f"{HEAD} or {CUSTOMER} and not internal",
    "ticket_message": f"{HEAD} or {CUSTOMER}",
    "delivery": f"{OWN_STORE} or {CUSTOMER} or rider_person_id = {ME}",
    "delivery_offer": f"{OWN_STORE} or rider_person_id = {ME}",
    "delivery_track": f"{HEAD} or {of('delivery', 'delivery_track.delivery_id')}",
    "picked_batch": OWN_STORE,
    "put_back_line": OWN_STORE,
}

TENANT = f"{PLATFORM} or company_id = any ((select app_companies())::uuid[])"
EARLIER = {
    **dict.fromkeys(POLICIES, f"{TENANT} or {CUSTOMER}"),
    "ticket": f"{TENANT} or {CUSTOMER} and not internal",
    "delivery": f"{TENANT} or {CUSTOMER} or rider_person_id = {ME}",
    "delivery_offer": f"{TENANT} or rider_person_id = {ME}",
    "delivery_track": TENANT,
    "picked_batch": TENANT,
    "put_back_line": TENANT,
}


def upgrade() -> None:
    for statement in FUNCTIONS.strip().split(";\n"):
        op.execute(statement)
    for table, policy in POLICIES.items():
        op.execute(f'alter policy scope on "{table}" using ({policy})')


def downgrade() -> None:
    for table, policy in EARLIER.items():
        op.execute(f'alter policy scope on "{table}" using ({policy})')
    for function in ("app_order_companies", "app_order_stores"):
        op.execute(f"drop function {function}()")
