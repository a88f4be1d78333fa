"""Asks again and again whether listeners may still listen, for all of a process together.

A session that was signed out, or a role or an app's scope that was taken away, ends its streams
within five seconds; whether what they watch is still theirs to see is asked once a minute.
"""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, Protocol
from uuid import UUID

from models.identity import Actor
from resolvers.rules import Denied
from services.core.problems import Refused
from workflows.identity.session_grants import Grants

log = logging.getLogger("darkstore.streams")

ADMIT_SECONDS = 4.0
TICK_SECONDS = 0.4
OWNED_SECONDS = 60.0
UNPROVED_SECONDS = 60.0
ADMITTED_AT_ONCE = 4
ASK_SECONDS = 10.0

GrantsOf = Callable[[Sequence[UUID]], Awaitable[dict[UUID, Grants]]]


class Guarded(Protocol):
    """A subscription of somebody who is signed in."""

    @property
    def actor(self) -> Actor: ...

    async def admit(self) -> None:
        """Raise Refused or Denied unless the actor may see what is told."""

    def fail(self, fault: Exception) -> None:
        """End with this error."""


class Watch:
    """When one subscription was last found to be in order, and when it is looked at again."""

    __slots__ = ("guarded", "next_look", "next_visit", "proved_at")

    def __init__(self, guarded: Guarded, now: float) -> None:
        self.guarded = guarded
        self.proved_at = now
        self.look_later(now)
        self.visit_later(now)

    def look_later(self, now: float) -> None:
        # Spread out, so that listeners who came together are not all asked about together.
        self.next_look = now + ADMIT_SECONDS * random.uniform(0.6, 1)

    def visit_later(self, now: float) -> None:
        self.next_visit = now + OWNED_SECONDS * random.uniform(0.7, 1)


class Guard:
    """One per process."""

    def __init__(self) -> None:
        self._watches: dict[Guarded, Watch] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self.grants_of: GrantsOf | None = None

    def start(self) -> None:
        """Begin to look; needs a running loop."""
        loops = (self._repeat(self._look), self._repeat(self._visit))
        self._tasks = [asyncio.create_task(one, name="hub-guard") for one in loops]

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def add(self, guarded: Guarded, grants_of: GrantsOf) -> None:
        """Look after a subscription, which has just been admitted."""
        self.grants_of = grants_of
        self._watches[guarded] = Watch(guarded, time.monotonic())

    def remove(self, guarded: Guarded) -> None:
        self._watches.pop(guarded, None)

    async def _repeat(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        while True:
            await asyncio.sleep(min(TICK_SECONDS, ADMIT_SECONDS / 4))
            try:
                await work()
            except Exception:
                log.warning("listeners could not be looked after, trying again", exc_info=True)

    async def _look(self) -> None:
        """Ask about the sessions of those whose turn it is."""
        now = time.monotonic()
        due = [one for one in self._watches.values() if one.next_look <= now]
        sessions = {one.guarded.actor.session_id for one in due}
        wanted = [one for one in sessions if one is not None]
        if not due or self.grants_of is None:
            return
        try:
            async with asyncio.timeout(ASK_SECONDS):
                held = await self.grants_of(wanted) if wanted else {}
        except Exception:
            self._forgive(due)
            raise
        now = time.monotonic()
        for one in due:
            one.proved_at = now
            one.look_later(now)
            if (fault := _fault(one.guarded.actor, held)) is not None:
                self._end(one.guarded, fault)

    def _forgive(self, due: Sequence[Watch]) -> None:
        """A database that is away proves nothing against anybody, for a minute."""
        now = time.monotonic()
        for one in due:
            one.look_later(now)
            if now - one.proved_at > UNPROVED_SECONDS:
                self._end(one.guarded, ConnectionError("who may listen could not be asked"))

    async def _visit(self) -> None:
        """Admit those again whose minute is over, a few at a time."""
        now = time.monotonic()
        due = [one for one in self._watches.values() if one.next_visit <= now]
        turns = iter(due)

        async def visit() -> None:
            for one in turns:
                one.visit_later(now)
                await self._admit(one.guarded)

        await asyncio.gather(*(visit() for _ in range(min(ADMITTED_AT_ONCE, len(due)))))

    async def _admit(self, guarded: Guarded) -> None:
        try:
            async with asyncio.timeout(ASK_SECONDS):
                await guarded.admit()
        except (Refused, Denied) as fault:
            self._end(guarded, fault)
        except Exception:
            log.warning("a listener could not be admitted again, trying later", exc_info=True)

    def _end(self, guarded: Guarded, fault: Exception) -> None:
        self.remove(guarded)
        guarded.fail(fault)


def _fault(actor: Actor, held: dict[UUID, Grants]) -> Exception | None:
    """The session must stand, and no role or scope of the token may have been taken away."""
    if actor.session_id is None:
        return None
    grants = held.get(actor.session_id)
    if grants is None:
        return Denied("UNAUTHENTICATED", "This session was signed out.")
    if not grants.issuperset(actor.grants):
        return Denied("FORBIDDEN", "Your roles have changed: refresh your access token.")
    if not grants.issuperset(actor.scopes):
        return Denied("FORBIDDEN", "The app's scopes have changed: ask for another access token.")
    return None
