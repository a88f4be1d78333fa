"""Followers of one order over bad lines: cut at any moment, back again with their last cursor."""

import asyncio
import random
import re
import time
from base64 import urlsafe_b64decode
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from uuid import UUID

import orjson

from benchmarks.live.crowd import EARS, Door, Group, Unheard
from database.scope import PLATFORM
from database.sessions import Database, Origin
from services.events.event_log import happened, order_stream

TRACK = """subscription Track($orderId: ID!, $after: String) {
  orderTracked(orderId: $orderId, after: $after) { kind cursor event { type } }
}"""
CURSOR = re.compile(rb'"cursor":"([^"]+)"')
ORIGIN = Origin("test:followers")
BACK_OFF_SECONDS = (0.02, 0.3)
PATIENCE_SECONDS = 10.0
BLIND = 0.2
"""Of so many lines the time runs from the moment they are asked for, of others once they speak."""
WRITERS = 4


def number_of(cursor: bytes) -> int:
    """The number of the event that a cursor of one stream stands at."""
    _, seq, _ = orjson.loads(urlsafe_b64decode(cursor + b"=" * (-len(cursor) % 4)))
    return int(seq)


@dataclass
class Follower:
    """Somebody who writes down each number they hear, and what kind of message told it."""

    doors: Sequence[Door]
    chance: random.Random
    kinds: Sequence[str] = tuple(EARS)
    heard: list[int] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    began_at: int | None = None
    cursor: str | None = None
    connected: list[float] = field(default_factory=list)
    _group: Group | None = None
    _last: Callable[[], int | None] = field(default=lambda: None)

    async def follow(self, life: Callable[[], float], last: Callable[[], int | None]) -> None:
        """Until the last number is heard: each line lives that long, or as long as it can."""
        self._last = last
        while (end := last()) is None or not self.heard or self.heard[-1] < end:
            door = replace(self.chance.choice(self.doors), after=self.cursor)
            await self._listen(door, life(), last)
            await asyncio.sleep(self.chance.uniform(*BACK_OFF_SECONDS))

    async def _answered(self, group: Group) -> None:
        """Wait for the first message of a line: a slow machine takes its time to let many in."""
        known = len(self.heard), len(self.others), self.began_at
        end = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < end and not group.faults:
            if (len(self.heard), len(self.others), self.began_at) != known:
                return
            await asyncio.sleep(0.05)

    async def _listen(self, door: Door, life: float, last: Callable[[], int | None]) -> None:
        group = Group(1)
        ear = EARS[self.chance.choice(self.kinds)](door, group, self.said)
        try:
            async with asyncio.timeout(5):
                await asyncio.get_running_loop().create_connection(
                    lambda: ear, "127.0.0.1", door.port
                )
        except (OSError, TimeoutError):
            return
        self.connected.append(time.monotonic())
        self._group = group
        with suppress(Unheard, TimeoutError):
            if (end := last()) is None or not self.heard or self.heard[-1] < end:
                if self.chance.random() > BLIND:
                    await self._answered(group)
                await group.until_cut(life)
        self._group = None
        ear.leave()

    def nudge(self) -> None:
        """Have it look whether all has been heard."""
        if self._group is not None:
            self._group.failed("nudged")

    def said(self, message: bytes) -> None:
        """Take one message; what carries no cursor is a refusal, which is not heard."""
        found = CURSOR.search(message)
        if found is None:
            self.others.append(message[:200].decode(errors="replace"))
            return
        number = number_of(found[1])
        self.cursor = found[1].decode()
        if b'"EVENT"' in message:
            self.heard.append(number)
            if (end := self._last()) is not None and number >= end:
                self.nudge()
        elif b'"SNAPSHOT"' in message and self.began_at is None:
            self.began_at = number
        else:
            self.others.append(message[:200].decode(errors="replace"))


def behind(followers: Sequence[Follower], head: int) -> float:
    """How many events the followers have not heard yet, in the mean."""
    heard = (one.heard[-1] if one.heard else one.began_at or 0 for one in followers)
    return head - sum(heard) / len(followers)


@dataclass
class Writing:
    """Events of one order, written down at a pace through every outage."""

    database: Database
    order_id: UUID
    written: int = 0
    tries: int = 0

    async def write(
        self, count: int, per_second: float, hurried: Callable[[], bool] = lambda: False
    ) -> None:
        """So many events; one whose fate is unknown may have happened, and counts if it has.

        Nothing is written while those who read are hurried: that a machine is slow is no fault.
        """
        turns = iter(range(count))

        async def some() -> None:
            for _ in turns:
                await asyncio.sleep(WRITERS / per_second)
                while hurried():  # noqa: ASYNC110 - many readers, each at a pace of its own
                    await asyncio.sleep(0.05)
                while not await self._write_one():  # noqa: ASYNC110 - tried until it is there
                    await asyncio.sleep(0.1)
                self.written += 1

        await asyncio.gather(*(some() for _ in range(WRITERS)))

    async def _write_one(self) -> bool:
        self.tries += 1
        try:
            async with asyncio.timeout(10), self.database.write(PLATFORM, ORIGIN) as session:
                body = {"order_id": self.order_id}
                stream = order_stream(self.order_id)
                happened(session, stream, "LINE_PICKED", body, company_id=None)
        except Exception:
            return False
        return True


def missing(follower: Follower, last: int) -> str | None:
    """What is wrong with what somebody heard; None when it is every number once, in order."""
    began = follower.began_at
    if began is None:
        return "never heard a snapshot"
    wanted = list(range(began + 1, last + 1))
    if follower.heard == wanted:
        return None
    lost = sorted(set(wanted) - set(follower.heard))[:5]
    twice = len(follower.heard) - len(set(follower.heard))
    said = f"{len(follower.heard)} of {len(wanted)}: {len(lost)} lost {lost}, {twice} twice"
    return f"{said}; {follower.others[:2]}"
