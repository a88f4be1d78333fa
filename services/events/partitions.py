"""The days of the event log: made before they come, read by, and dropped when they are old.

Each day of UTC is a partition. A statement says from which day on it reads as a constant: what it
can't need is neither locked nor looked at, and its plan is kept for as long as it says the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import ColumnElement, bindparam, literal_column, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.types import Text

from database.statements import kept

KEPT_DAYS = 90
AHEAD_DAYS = 3
NAMED = "d%Y%m%d"

MAKE = kept(text("select event_days_make(:ahead)"))
LISTED = kept(
    text(
        "select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid"
        " where i.inhparent = 'event'::regclass and c.relname <> 'rest' order by c.relname"
    )
)
# What a reader of the log has not read, or what is still to be sent to somebody.
NEEDED = """
select exists (
    select from event e, event_place p
    where e.at < {until} and (e.tx, e.stream, e.seq) > (p.tx, p.stream, p.seq)
) or exists (
    select from webhook_delivery d where d.status = 'PENDING' and d.event_at < {until}
)
"""
DROP = kept(text("select event_day_drop(:named)"))
FORGET = kept(text("select event_rest_forget(:before)"))
STREAMS = bindparam("streams", type_=ARRAY(Text))


@dataclass(frozen=True, slots=True)
class Day:
    """A partition of the log; the first one there is holds all that was before it, too."""

    named: str
    day: date

    @property
    def until(self) -> datetime:
        return datetime.combine(self.day + timedelta(days=1), time(), UTC)


def constant(day: date) -> str:
    """The beginning of a day of UTC, for the text of a statement."""
    return f"timestamptz '{day.isoformat()} 00:00:00+00'"


def since(day: date) -> ColumnElement[datetime]:
    """The beginning of a day of UTC, as a constant."""
    return literal_column(constant(day))


def recent() -> date:
    """Yesterday: whoever reads what has just happened looks no further back at first."""
    return datetime.now(UTC).date() - timedelta(days=1)


async def make(session: AsyncSession) -> int:
    """Make today and the three days that follow; answers how many were not there yet."""
    return int(await session.scalar(MAKE, {"ahead": AHEAD_DAYS}) or 0)


async def days(session: AsyncSession) -> Sequence[Day]:
    """The days there are, the oldest first."""
    names = (str(row[0]) for row in await session.execute(LISTED))
    return [Day(one, datetime.strptime(one, NAMED).replace(tzinfo=UTC).date()) for one in names]


async def needed(session: AsyncSession, day: Day) -> bool:
    """Whether somebody has still to read of it, or to be told of it by a webhook."""
    until = constant(day.until.date())
    return bool(await session.scalar(text(NEEDED.format(until=until))))


async def drop(session: AsyncSession, day: Day) -> None:
    """Drop a day of more than a week ago; raises when its lock is not to be had at once."""
    await session.execute(DROP, {"named": day.named})


async def forget_rest(session: AsyncSession, before: datetime) -> int:
    """Drop what was written into no day of its own, some thousand events at a time."""
    return int(await session.scalar(FORGET, {"before": before}) or 0)
