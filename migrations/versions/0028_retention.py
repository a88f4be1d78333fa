"""Old rows are found by indexes, and audit rows are masked and deleted by functions alone.

The application may write audit rows and change none of them: the functions run as the owner of the
table, take no row younger than a week, and mask without being told what to write.

Revision ID: 0028
Revises: 0027
"""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"

PLATFORM = "(select app_platform())"
FUNCTIONS = (
    "audit_values_mask(jsonb, text, text[])",
    "audit_entries_mask(uuid, uuid, integer, text[])",
    "audit_entries_forget(uuid, integer)",
)
UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
MOMENT = "[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9:.+-]+Z?)?"

# Kept: keys, times, whole numbers, yes and no, nothing, and the values of enums.
MASK_VALUES = f"""
create function audit_values_mask(row_values jsonb, table_name text, kept text[]) returns jsonb
language sql immutable parallel safe set search_path = pg_catalog, pg_temp
return (
    select coalesce(jsonb_object_agg(key, case
        when table_name || '.' || key = any (kept) then value
        when jsonb_typeof(value) in ('null', 'boolean') then value
        when jsonb_typeof(value) = 'number' and value::text !~ '[.]' then value
        when jsonb_typeof(value) = 'string' and value #>> '{{}}' ~ '^({UUID}|{MOMENT})$' then value
        else to_jsonb('•••'::text) end), '{{}}'::jsonb)
    from jsonb_each(row_values)
)
"""

MASK = """
create function audit_entries_mask(after_key uuid, until_key uuid, most integer, kept text[])
returns uuid language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    last_key uuid;
begin
    if not public.app_platform() then
        raise insufficient_privilege using message = 'audit rows are masked by the platform';
    end if;
    select key into last_key from (
        select id as key from public.audit_entry
        where id > after_key and id < until_key order by id limit most
    ) as slice order by key desc limit 1;
    update public.audit_entry set address = '', changes = (
        select coalesce(jsonb_agg(change || jsonb_build_object(
            'before', public.audit_values_mask(change -> 'before', change ->> 'table', kept),
            'after', public.audit_values_mask(change -> 'after', change ->> 'table', kept)
        ) order by place), '[]'::jsonb)
        from jsonb_array_elements(changes) with ordinality as of_row (change, place)
    )
    where id > after_key and id <= last_key and at < now() - interval '7 days';
    return last_key;
end $$
"""

FORGET = """
create function audit_entries_forget(until_key uuid, most integer) returns integer
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    gone integer;
begin
    if not public.app_platform() then
        raise insufficient_privilege using message = 'audit rows are forgotten by the platform';
    end if;
    delete from public.audit_entry where ctid = any (array(
        select ctid from public.audit_entry
        where id < until_key and at < now() - interval '7 days' order by id limit most));
    get diagnostics gone = row_count;
    return gone;
end $$
"""


def upgrade() -> None:
    op.create_table(
        "job_cursor",
        sa.Column("name", sa.Text(), primary_key=True),
        sa.Column("position", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
    )
    op.execute("alter table job_cursor enable row level security")
    op.execute("alter table job_cursor force row level security")
    op.execute(f"create policy scope on job_cursor to darkstore_app using ({PLATFORM})")
    op.execute("grant select, insert, update, delete on job_cursor to darkstore_app")
    # To skip rows in use they are locked, which needs both.
    op.execute("grant update, delete on stock_set to darkstore_app")
    op.create_index("ix_sign_in_session_expires_at", "sign_in_session", ["expires_at"])
    op.create_index(
        "ix_sign_in_session_revoked_at", "sign_in_session", ["revoked_at"],
        postgresql_where=sa.text("revoked_at is not null"),
    )  # fmt: skip
    op.create_index(
        "ix_payment_notice_done_at", "payment_notice", ["done_at"],
        postgresql_where=sa.text("done_at is not null"),
    )  # fmt: skip
    # Rows are inserted in the order of their time: blocks without old rows are left out, and a
    # new row costs next to nothing.
    op.create_index("ix_hold_created_at", "hold", ["created_at"], postgresql_using="brin")
    op.execute(
        "create policy owner_of_old_rows on audit_entry to current_user using (true)"
    )
    for statement, name in zip((MASK_VALUES, MASK, FORGET), FUNCTIONS, strict=True):
        op.execute(statement)
        op.execute(f"revoke all on function {name} from public")
        op.execute(f"grant execute on function {name} to darkstore_app")


def downgrade() -> None:
    for name in reversed(FUNCTIONS):
        op.execute(f"drop function {name}")
    op.execute("drop policy owner_of_old_rows on audit_entry")
    op.drop_index("ix_hold_created_at", "hold")
    op.drop_index("ix_payment_notice_done_at", "payment_notice")
    op.drop_index("ix_sign_in_session_revoked_at", "sign_in_session")
    op.drop_index("ix_sign_in_session_expires_at", "sign_in_session")
    op.execute("revoke update, delete on stock_set from darkstore_app")
    op.drop_table("job_cursor")
