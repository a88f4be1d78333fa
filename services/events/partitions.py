"""Daily partitions of the event log: created ahead of time, dropped after their retention.

Each UTC day is a partition. Statements state the first day they read as a constant: PostgreSQL then
neither locks nor scans earlier partitions, and the prepared plan is reused during the day.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import ColumnElement, bindparam, literal_column, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.types import Text

from database.statements import prepared

RETENTION_DAYS = 90
DAYS_AHEAD = 3
NAME_FORMAT = "d%Y%m%d"

CREATE_PARTITIONS = prepared(text("select event_days_make(:ahead)"))
PARTITION_NAMES = prepared(
    text(
        "select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid"
        " where i.inhparent = 'event'::regclass and c.relname <> 'rest' order by c.relname"
    )
)
# Whether a log reader has unread events, or a pending webhook delivery needs an event.
IS_NEEDED = """
select exists (
    select from event e, event_place p
    where e.at < {until} and (e.tx, e.stream, e.seq) > (p.tx, p.stream, p.seq)
) or exists (
    select from webhook_delivery d where d.status = 'PENDING' and d.occurred_at < {until}
)
"""
DROP_PARTITION = prepared(text("select event_day_drop(:named)"))
DELETE_UNPARTITIONED = prepared(text("select event_rest_forget(:before)"))
STREAMS = bindparam("streams", type_=ARRAY(Text))


@dataclass(frozen=True, slots=True)
class EventPartition:
    """A partition of the event log; the oldest one also holds all earlier events."""

    name: str
    day: date

    @property
    def ends_at(self) -> datetime:
        return datetime.combine(self.day + timedelta(days=1), time(), UTC)


def timestamp_literal(day: date) -> str:
    """Return the start of a UTC day as SQL text."""
    return f"timestamptz '{day.isoformat()} 00:00:00+00'"


def day_start(day: date) -> ColumnElement[datetime]:
    """Return the start of a UTC day as an SQL constant."""
    return literal_column(timestamp_literal(day))


def yesterday() -> date:
    """Return yesterday's UTC date: readers of recent events read from there first."""
    return datetime.now(UTC).date() - timedelta(days=1)


async def create_partitions(session: AsyncSession) -> int:
    """Create the partitions of today and of the next three days; returns how many were new."""
    return int(await session.scalar(CREATE_PARTITIONS, {"ahead": DAYS_AHEAD}) or 0)


async def list_partitions(session: AsyncSession) -> Sequence[EventPartition]:
    """Return the existing partitions, the oldest first."""
    names = (str(row[0]) for row in await session.execute(PARTITION_NAMES))
    return [EventPartition(name, _day_of(name)) for name in names]


def _day_of(name: str) -> date:
    return datetime.strptime(name, NAME_FORMAT).replace(tzinfo=UTC).date()


async def is_needed(session: AsyncSession, partition: EventPartition) -> bool:
    """Whether a log reader or a pending webhook delivery still needs events of the partition."""
    until = timestamp_literal(partition.ends_at.date())
    return bool(await session.scalar(text(IS_NEEDED.format(until=until))))


async def drop_partition(session: AsyncSession, partition: EventPartition) -> None:
    """Drop a partition older than a week; raises when its lock is not available at once."""
    await session.execute(DROP_PARTITION, {"named": partition.name})


async def delete_unpartitioned(session: AsyncSession, before: datetime) -> int:
    """Delete old events of the default partition, some thousand at a time; returns how many."""
    return int(await session.scalar(DELETE_UNPARTITIONED, {"before": before}) or 0)
