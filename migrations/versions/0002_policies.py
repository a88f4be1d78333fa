"""Roles, grants and row-level security for every table.

Two roles without login: `darkstore_app` (the application, always inside a scope) and
`darkstore_public` (the shop window: reads the catalog only). Neither owns a table, and FORCE
holds the owner to the same policies.

Revision ID: 0002
Revises: 0001
"""

from alembic import op

revision = "0002"
down_revision = "0001"

FUNCTIONS = """
create function app_person() returns uuid language sql stable parallel safe
    return nullif(current_setting('app.person', true), '')::uuid;
create function app_companies() returns uuid[] language sql stable parallel safe
    return coalesce(nullif(current_setting('app.companies', true), ''), '{}')::uuid[];
create function app_platform() returns boolean language sql stable parallel safe
    return coalesce(current_setting('app.platform', true), '') = 'on';
"""

# The sub-selects make Postgres ask once a statement, not once a row.
PLATFORM = "(select app_platform())"
COMPANY = "company_id = any ((select app_companies())::uuid[])"
ME = "(select app_person())"

TENANT = f"{PLATFORM} or {COMPANY}"
TENANT_OR_CUSTOMER = f"{TENANT} or customer_id = {ME}"
OWN = f"{PLATFORM} or person_id = {ME}"

RIDING = "d.status not in ('DELIVERED','RETURNED','CANCELED','HANDED_TO_PARTNER')"

POLICIES = {
    "company": f"{PLATFORM} or id = any ((select app_companies())::uuid[])",
    "store": TENANT,
    "store_zone": TENANT,
    "store_hours": TENANT,
    "category": TENANT,
    "brand": TENANT,
    "product": TENANT,
    "listing": TENANT,
    "stock": TENANT,
    "stock_entry": TENANT,
    "hold": TENANT,
    "stream": TENANT,
    "event": TENANT,
    "audit_entry": TENANT,
    "order": TENANT_OR_CUSTOMER,
    "order_line": TENANT_OR_CUSTOMER,
    "payment": TENANT_OR_CUSTOMER,
    "refund": TENANT_OR_CUSTOMER,
    "fulfillment": TENANT_OR_CUSTOMER,
    "fulfillment_line": TENANT_OR_CUSTOMER,
    "ticket": TENANT_OR_CUSTOMER,
    "ticket_message": TENANT_OR_CUSTOMER,
    "delivery": f"{TENANT_OR_CUSTOMER} or rider_person_id = {ME}",
    "delivery_offer": f"{TENANT} or rider_person_id = {ME}",
    "rider": f"{TENANT} or person_id = {ME}",
    # A customer sees where the rider of the own live delivery is, and nobody else.
    "rider_position": f"{TENANT} or person_id = {ME} or exists (select from delivery d"
    f" where d.customer_id = {ME} and d.rider_id = rider_position.rider_id and {RIDING})",
    "membership": f"{TENANT} or person_id = {ME}",
    "person": f"{PLATFORM} or id = {ME} or exists (select from membership m where m.person_id ="
    " person.id and m.company_id = any ((select app_companies())::uuid[]))",
    "address": OWN,
    "cart": OWN,
    "cart_line": OWN,
    "sign_in_session": OWN,
    "refresh_token": PLATFORM,
    "one_time_code": PLATFORM,
    "payment_notice": PLATFORM,
    "idempotency_key": f"{PLATFORM} or owner = {ME}::text",
}

WINDOW = ("company", "store", "store_zone", "store_hours", "category", "brand", "product",
          "listing", "stock")  # fmt: skip
APPEND_ONLY = ("stock_entry", "event")
DESK = "stream = 'support:platform' and (select cardinality(app_companies())) > 0"

ROLE = """
do $$ begin
    if not exists (select from pg_roles where rolname = '{0}') then
        create role {0} nologin nobypassrls;
    end if;
exception when duplicate_object or unique_violation then null;
end $$
"""


def upgrade() -> None:
    for statement in FUNCTIONS.strip().split(";\n"):
        op.execute(statement)
    for role in ("darkstore_app", "darkstore_public"):
        op.execute(ROLE.format(role))
        op.execute(f"grant usage on schema public to {role}")
        op.execute(f"grant {role} to current_user")
    for table, policy in POLICIES.items():
        op.execute(f'alter table "{table}" enable row level security')
        op.execute(f'alter table "{table}" force row level security')
        op.execute(f'create policy scope on "{table}" to darkstore_app using ({policy})')
        writes = "" if table in APPEND_ONLY else ", update, delete"
        op.execute(f'grant select, insert{writes} on "{table}" to darkstore_app')
    for table in WINDOW:
        op.execute(f'create policy shop_window on "{table}" for select to darkstore_public using (true)')
        op.execute(f'grant select on "{table}" to darkstore_public')
    # An audit row may be written in any scope; who may read it is the policy's business.
    op.execute("revoke update, delete on audit_entry from darkstore_app")
    op.execute("create policy note on audit_entry for insert to darkstore_app with check (true)")
    # The platform's support desk has one stream that the tickets of every company number; its
    # events stay with their companies.
    op.execute(f"create policy desk on stream to darkstore_app using ({DESK})")


def downgrade() -> None:
    for table in POLICIES:
        op.execute(f'drop policy if exists scope on "{table}"')
        op.execute(f'drop policy if exists shop_window on "{table}"')
        op.execute(f'drop policy if exists note on "{table}"')
        op.execute(f'drop policy if exists desk on "{table}"')
        op.execute(f'alter table "{table}" disable row level security')
        op.execute(f'alter table "{table}" no force row level security')
        op.execute(f'revoke all on "{table}" from darkstore_app, darkstore_public')
    for function in ("app_person", "app_companies", "app_platform"):
        op.execute(f"drop function {function}()")
