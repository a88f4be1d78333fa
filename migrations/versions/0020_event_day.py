"""The event log in a partition a day, and when each stream was last written to.

What there is becomes the partition of today, which reaches back to the beginning: no row is copied,
but two indexes are built and each stream's row is written once, while nobody can write.

Revision ID: 0020
Revises: 0018
"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0018"

PLATFORM = "(select app_platform())"
TENANT = f"{PLATFORM} or company_id = any ((select app_companies())::uuid[])"
FUNCTIONS = ("event_days_make(integer)", "event_day_drop(text)", "event_rest_forget(timestamptz)")

LAST_WRITTEN = """
update stream set at = event.at from event
where event.stream = stream.stream and event.seq = stream.seq
"""

PARENT = """
create table event (
    stream text not null,
    seq bigint not null,
    company_id uuid,
    type text not null,
    body jsonb not null,
    actor_id uuid,
    at timestamptz default now() not null,
    tx xid8 default pg_current_xact_id() not null,
    constraint pk_event primary key (stream, seq, at)
) partition by range (at)
"""

FIRST = """
do $$ declare
    today date := (now() at time zone 'UTC')::date;
begin
    execute format('alter table event_day.event rename to %I', 'd' || to_char(today, 'YYYYMMDD'));
    execute format(
        'alter table public.event attach partition event_day.%I for values from (minvalue) to (%L)',
        'd' || to_char(today, 'YYYYMMDD'), (today + 1)::timestamp at time zone 'UTC');
end $$
"""

# For days that have none of their own. Its owner alone may clear it.
REST = """
create table event_day.rest partition of event default;
alter table event_day.rest enable row level security;
alter table event_day.rest force row level security;
create policy owner on event_day.rest to current_user using (true)
"""

# They run as the owner of the tables: the application may add and drop days by these alone.
# A lock that isn't to be had at once is given up, as whoever writes would wait behind it.
MAKE = """
create function event_days_make(ahead integer) returns integer
language plpgsql security definer set search_path = pg_catalog, pg_temp set lock_timeout = '300ms'
as $$
declare
    today date := (now() at time zone 'UTC')::date;
    made integer := 0;
    named text;
begin
    if not public.app_platform() then
        raise insufficient_privilege using message = 'days are made by the platform';
    end if;
    for n in 0 .. least(ahead, 14) loop
        named := 'd' || to_char(today + n, 'YYYYMMDD');
        continue when to_regclass('event_day.' || named) is not null;
        begin
            execute format('create table event_day.%I (like public.event including all)', named);
            execute format('alter table event_day.%I enable row level security', named);
            execute format('alter table event_day.%I force row level security', named);
            execute format(
                'alter table public.event attach partition event_day.%I for values from (%L) to (%L)',
                named,
                (today + n)::timestamp at time zone 'UTC',
                (today + n + 1)::timestamp at time zone 'UTC');
            made := made + 1;
        exception when check_violation then
            null;  -- the rest holds rows of that day already, and keeps them
        end;
    end loop;
    return made;
end $$
"""

DROP = """
create function event_day_drop(named text) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set lock_timeout = '300ms'
as $$
begin
    if not public.app_platform() then
        raise insufficient_privilege using message = 'days are dropped by the platform';
    end if;
    if named !~ '^d[0-9]{8}$'
        or to_date(substr(named, 2), 'YYYYMMDD') > (now() at time zone 'UTC')::date - 7 then
        raise insufficient_privilege using message = 'that is no day of more than a week ago';
    end if;
    execute format('alter table public.event detach partition event_day.%I', named);
    execute format('drop table event_day.%I', named);
end $$
"""

FORGET = """
create function event_rest_forget(before timestamptz) returns integer
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
    gone integer;
begin
    if not public.app_platform() then
        raise insufficient_privilege using message = 'events are forgotten by the platform';
    end if;
    delete from event_day.rest where ctid = any (array(
        select ctid from event_day.rest where at < least(before, now() - interval '7 days')
        limit 10000));
    get diagnostics gone = row_count;
    return gone;
end $$
"""


def upgrade() -> None:
    op.add_column("stream", sa.Column("at", sa.DateTime(timezone=True)))
    for table in ("stream", "event"):
        op.execute(f"alter table {table} no force row level security")  # its owner looks at all
    op.execute(LAST_WRITTEN)
    op.execute("alter table stream force row level security")
    op.execute("create schema event_day")
    op.execute("drop policy scope on event")
    op.execute("revoke all on event from darkstore_app")
    op.execute("alter table event force row level security")
    op.execute("alter table event set schema event_day")
    op.execute("alter table event_day.event drop constraint pk_event")
    op.execute("alter table event_day.event add constraint pk_event primary key (stream, seq, at)")
    op.execute(PARENT)
    op.execute("create index ix_event_tx on event (tx, stream, seq)")
    op.execute(FIRST)
    for statement in REST.split(";"):
        op.execute(statement)
    _close()
    for made, named in zip((MAKE, DROP, FORGET), FUNCTIONS, strict=True):
        op.execute(made)
        op.execute(f"revoke all on function {named} from public")
        op.execute(f"grant execute on function {named} to darkstore_app")
    op.execute("select set_config('app.platform', 'on', true)")
    op.execute("select event_days_make(3)")


def _close() -> None:
    op.execute("alter table event enable row level security")
    op.execute("alter table event force row level security")
    op.execute(f"create policy scope on event to darkstore_app using ({TENANT})")
    op.execute("grant select, insert on event to darkstore_app")


def downgrade() -> None:
    for named in FUNCTIONS:
        op.execute(f"drop function {named}")
    op.execute("alter table event no force row level security")
    op.execute("alter table event rename to event_of_days")
    op.execute("alter index pk_event rename to pk_event_of_days")
    op.execute("alter index ix_event_tx rename to ix_event_tx_of_days")
    op.execute("create table event (like event_of_days including defaults)")
    op.execute("insert into event select * from event_of_days")
    op.execute("alter table event add constraint pk_event primary key (stream, seq)")
    op.execute("create index ix_event_tx on event (tx, stream, seq)")
    op.execute("drop table event_of_days")
    op.execute("drop schema event_day")
    _close()
    op.drop_column("stream", "at")
