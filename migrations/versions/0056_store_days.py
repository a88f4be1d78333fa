"""Business days of stores, a clock that never goes back, hours without overlaps, tax rates.

Opening hours that overlap are merged; each store whose hours are changed is printed. An order
keeps the tax rate of its placement: for older orders the company's rate when it gives the tax of
the order, else the rate that the tax and the total come from.

Revision ID: 0056
Revises: 0055
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import time

import sqlalchemy as sa
from alembic import context, op

revision = "0056"
down_revision = "0055"

# The wall clock of a time zone. While an hour happens again it shows the end of its first time.
# Without a subquery, so that statements inline it; that needs an argument that is not volatile.
SHIFT = "(timezone(zone, at - interval '24 hours') + interval '24 hours' - timezone(zone, at))"
CLOCK = f"""
create function store_clock(zone text, at timestamptz) returns timestamp
language sql stable parallel safe as $$
    select case
        when {SHIFT} <= interval '0' then timezone(zone, at)
        when timezone(zone, at - {SHIFT}) + {SHIFT} <= timezone(zone, at) then timezone(zone, at)
        else store_clock_again(zone, at, {SHIFT})
    end
$$
"""
# What store_clock shows at a time that a zone, whose clocks were put back by `shift`, has again.
CLOCK_AGAIN = """
create function store_clock_again(zone text, at timestamptz, shift interval) returns timestamp
language sql stable parallel safe as $$
    select max(timezone(zone, date_bin('1 minute', at, 'epoch') - make_interval(mins => back)
        - interval '1 microsecond'))
    from generate_series(0, (extract(epoch from shift) / 60)::int) as back
$$
"""
BUSINESS_DAY = """
create function business_day(zone text, day_start time, at timestamptz) returns date
language sql stable parallel safe as $$
    select (store_clock(zone, at) - day_start)::date
$$
"""
FUNCTIONS = {
    "store_clock_again(text, timestamptz, interval)": CLOCK_AGAIN,
    "store_clock(text, timestamptz)": CLOCK,
    "business_day(text, time, timestamptz)": BUSINESS_DAY,
}
TAX_RATES = """
update "order" set tax_rate_bp = case
    when floor((2 * taxed * company_rate + 10000 + company_rate)
        / (2.0 * (10000 + company_rate))) = "order".tax_minor then company_rate
    else least(10000, round(10000.0 * "order".tax_minor / greatest(1, taxed - "order".tax_minor)))
end
from (
    select "order".id, greatest(0, total_minor - tip_minor)::numeric as taxed,
        company.tax_rate_bp as company_rate
    from "order" join company on company.id = "order".company_id
) as placed
where placed.id = "order".id
"""
Interval = tuple[int, int]
DAY = 24 * 60 * 60 * 1_000_000
WEEK = 7 * DAY


def upgrade() -> None:
    for statement in FUNCTIONS.values():
        op.execute(statement)
    op.add_column(
        "store",
        sa.Column("business_day_start", sa.Time(), server_default="00:00", nullable=False),
    )
    op.create_check_constraint(
        op.f("ck_store_business_day_start"), "store", "business_day_start <= time '12:00'"
    )
    op.add_column(
        "order", sa.Column("tax_rate_bp", sa.Integer(), server_default="0", nullable=False)
    )
    # The owner would otherwise be held to the policies, which show no row without a scope.
    tables = ("order", "company", "store", "store_hours")
    for table in tables:
        op.execute(f'alter table "{table}" no force row level security')
    op.execute(TAX_RATES)
    _merge_hours()
    for table in tables:
        op.execute(f'alter table "{table}" force row level security')
    op.alter_column("order", "tax_rate_bp", server_default=None)
    op.create_check_constraint(
        op.f("ck_order_tax_rate"), "order", "tax_rate_bp between 0 and 10000"
    )


def downgrade() -> None:
    op.drop_constraint(op.f("ck_order_tax_rate"), "order")
    op.drop_column("order", "tax_rate_bp")
    op.drop_constraint(op.f("ck_store_business_day_start"), "store")
    op.drop_column("store", "business_day_start")
    for function in reversed(FUNCTIONS):
        op.execute(f"drop function {function}")


def _merge_hours() -> None:
    """Replace opening hours that overlap by their union."""
    connection = op.get_bind()
    query = "select store_id, company_id, weekday, opens, closes from store_hours order by 1, 3, 4"
    by_store = defaultdict(list)
    for row in connection.execute(sa.text(query)):
        by_store[row.store_id, row.company_id].append(row)
    for (store_id, company_id), rows in by_store.items():
        stored = sorted(_interval(row.weekday, row.opens, row.closes) for row in rows)
        if not _overlap(stored):
            continue
        merged = [_columns(*part) for part in merge(stored)]
        key = {"store_id": store_id, "company_id": company_id}
        connection.execute(sa.text("delete from store_hours where store_id = :store_id"), key)
        insert = (
            "insert into store_hours (store_id, company_id, weekday, opens, closes)"
            " values (:store_id, :company_id, :weekday, :opens, :closes)"
        )
        connection.execute(sa.text(insert), [key | columns for columns in merged])
        change = "update store set version = version + 1 where id = :store_id"
        connection.execute(sa.text(change), key)
        context.config.print_stdout(
            f"store {store_id}: {len(rows)} opening hours that overlap are {len(merged)} now"
        )


def _interval(weekday: int, opens: time, closes: time) -> Interval:
    begin, end = weekday * DAY + _microseconds(opens), weekday * DAY + _microseconds(closes)
    return begin, end if end > begin else end + DAY


def _microseconds(at: time) -> int:
    return ((at.hour * 60 + at.minute) * 60 + at.second) * 1_000_000 + at.microsecond


def _overlap(intervals: Sequence[Interval]) -> bool:
    """Whether intervals of a week overlap; it begins again after its end."""
    following = [*intervals[1:], (intervals[0][0] + WEEK, intervals[0][1] + WEEK)]
    return any(end > begin for (_, end), (begin, _) in zip(intervals, following, strict=True))


def merge(intervals: Iterable[Interval]) -> Iterator[Interval]:
    """The union of intervals of a week, in parts of at most a day; those that touch stay apart."""
    several = sorted((b + n * WEEK, e + n * WEEK) for b, e in intervals for n in (-1, 0, 1))
    union: list[Interval] = []
    for begin, end in several:
        if union and begin < union[-1][1]:
            union[-1] = union[-1][0], max(end, union[-1][1])
        else:
            union.append((begin, end))
    of_week = [(begin, end) for begin, end in union if 0 <= begin < WEEK]
    if any(end - begin >= WEEK for begin, end in union):
        of_week = [(0, WEEK)]
    for begin, end in of_week:
        for start in range(begin, end, DAY):
            yield start, min(end, start + DAY)


def _columns(begin: int, end: int) -> dict[str, object]:
    weekday, opens = divmod(begin % WEEK, DAY)
    return {"weekday": weekday, "opens": _time(opens), "closes": _time(end % DAY)}


def _time(microseconds: int) -> time:
    minutes, rest = divmod(microseconds, 60_000_000)
    return time(minutes // 60, minutes % 60, rest // 1_000_000, rest % 1_000_000)
