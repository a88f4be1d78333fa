"""Checks periodically, for all subscriptions and sockets of a process, that they may go on.

A signed-out session, or a revoked secret or app scope, ends its subscriptions and sockets within
five seconds. A revoked role ends those that need it; the others go on without the role.
Access to the watched rows themselves is checked once a minute.
"""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from functools import partial
from typing import Any, Protocol, TypeVar
from uuid import UUID

from models.identity import Actor
from resolvers.rules import AccessDenied
from services.core.problems import DomainError
from workflows.identity.session_grants import Grants

log = logging.getLogger("darkstore.streams")

SESSION_CHECK_SECONDS = 4.0
POLL_SECONDS = 0.4
ACCESS_CHECK_SECONDS = 60.0
MAX_UNVERIFIED_SECONDS = 60.0
MAX_CONCURRENT_CHECKS = 4
CHECK_TIMEOUT_SECONDS = 10.0

_ROLES_CHANGED = AccessDenied("FORBIDDEN", "Your roles have changed: refresh your access token.")

Item = TypeVar("Item")
GrantsOf = Callable[[Sequence[UUID]], Awaitable[dict[UUID, Grants]]]


class MonitoredSubscription(Protocol):
    """A subscription or socket of a signed-in actor."""

    @property
    def actor(self) -> Actor: ...

    @property
    def grants_of(self) -> GrantsOf:
        """Reads the current grants and scopes of sessions."""

    async def check_access(self) -> None:
        """Raise DomainError or AccessDenied unless the actor may see the watched rows."""

    async def limit_to(self, actor: Actor) -> None:
        """Go on as an actor who has lost roles; raise an error if those were needed."""

    def fail(self, error: Exception) -> None:
        """End the subscription with this error."""


class AccessCheck:
    """When the access of one subscription was last verified, and when it is checked next."""

    __slots__ = ("next_access_check", "next_session_check", "subscription", "verified_at")

    def __init__(self, subscription: MonitoredSubscription, now: float) -> None:
        self.subscription = subscription
        self.verified_at = now
        # What it was admitted by may have been read some seconds ago, and revoked since then.
        self.next_session_check = now
        self.schedule_access_check(now)

    def schedule_session_check(self, now: float) -> None:
        # Randomized, so that subscriptions that started together are not all checked together.
        self.next_session_check = now + SESSION_CHECK_SECONDS * random.uniform(0.6, 1)

    def schedule_access_check(self, now: float) -> None:
        self.next_access_check = now + ACCESS_CHECK_SECONDS * random.uniform(0.7, 1)


class AccessMonitor:
    """Monitors the subscriptions of one process."""

    def __init__(self) -> None:
        self._checks: dict[MonitoredSubscription, AccessCheck] = {}
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Start checking; needs a running event loop."""
        loops = (self._repeat(self._check_sessions), self._repeat(self._check_row_access))
        self._tasks = [asyncio.create_task(loop, name="hub-access") for loop in loops]

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def add(self, subscription: MonitoredSubscription) -> None:
        """Monitor a subscription whose access was checked; its session is read again at once."""
        self._checks[subscription] = AccessCheck(subscription, time.monotonic())

    def remove(self, subscription: MonitoredSubscription) -> None:
        self._checks.pop(subscription, None)

    async def _repeat(self, check: Callable[[], Coroutine[Any, Any, None]]) -> None:
        while True:
            await asyncio.sleep(min(POLL_SECONDS, SESSION_CHECK_SECONDS / 4))
            try:
                await check()
            except Exception:
                log.warning("subscriptions could not be checked, trying again", exc_info=True)

    async def _check_sessions(self) -> None:
        """Check the sessions of the subscriptions that are due."""
        now = time.monotonic()
        due = [check for check in self._checks.values() if check.next_session_check <= now]
        if not due:
            return
        session_ids = {check.subscription.actor.session_id for check in due} - {None}
        grants_of = due[0].subscription.grants_of
        try:
            async with asyncio.timeout(CHECK_TIMEOUT_SECONDS):
                grants = await grants_of([*filter(None, session_ids)]) if session_ids else {}
        except Exception:
            self._defer(due)
            raise
        now = time.monotonic()
        losers: list[tuple[MonitoredSubscription, Actor]] = []
        for check in due:
            check.verified_at = now
            check.schedule_session_check(now)
            subscription = check.subscription
            current = _current_actor(subscription.actor, grants)
            if isinstance(current, AccessDenied):
                self._end(subscription, current)
            elif current is not subscription.actor:
                losers.append((subscription, current))
        await _for_each(losers, self._limit)

    async def _limit(self, loser: tuple[MonitoredSubscription, Actor]) -> None:
        """Take roles from a subscription; it ends if it needs them, or if that is unknown."""
        subscription, actor = loser
        try:
            async with asyncio.timeout(CHECK_TIMEOUT_SECONDS):
                await subscription.limit_to(actor)
        except Exception as error:
            denied = isinstance(error, DomainError | AccessDenied)
            self._end(subscription, _ROLES_CHANGED if denied else error)

    def _defer(self, due: Sequence[AccessCheck]) -> None:
        """Check again later; an unreachable database ends subscriptions after a minute only."""
        now = time.monotonic()
        for check in due:
            check.schedule_session_check(now)
            if now - check.verified_at > MAX_UNVERIFIED_SECONDS:
                self._end(check.subscription, ConnectionError("access could not be verified"))

    async def _check_row_access(self) -> None:
        """Check the row access of the subscriptions that are due, a few at a time."""
        now = time.monotonic()
        due = [check for check in self._checks.values() if check.next_access_check <= now]
        await _for_each(due, partial(self._check_one, now))

    async def _check_one(self, now: float, check: AccessCheck) -> None:
        check.schedule_access_check(now)
        subscription = check.subscription
        try:
            async with asyncio.timeout(CHECK_TIMEOUT_SECONDS):
                await subscription.check_access()
        except (DomainError, AccessDenied) as error:
            self._end(subscription, error)
        except Exception:
            log.warning("a subscription could not be checked, trying later", exc_info=True)

    def _end(self, subscription: MonitoredSubscription, error: Exception) -> None:
        self.remove(subscription)
        subscription.fail(error)


async def _for_each(items: Sequence[Item], run: Callable[[Item], Awaitable[None]]) -> None:
    """Run for all items, a few at a time."""
    remaining = iter(items)

    async def run_remaining() -> None:
        for item in remaining:
            await run(item)

    await asyncio.gather(*(run_remaining() for _ in range(min(MAX_CONCURRENT_CHECKS, len(items)))))


def _current_actor(actor: Actor, grants_by_session: dict[UUID, Grants]) -> Actor | AccessDenied:
    """Return the actor with the roles that are left, or why a session or scope is over."""
    if actor.session_id is None:
        return actor
    grants = grants_by_session.get(actor.session_id)
    if grants is None:
        return AccessDenied("UNAUTHENTICATED", "This session was signed out.")
    if not grants.issuperset(actor.scopes):
        return AccessDenied(
            "FORBIDDEN", "The app's scopes have changed: ask for another access token."
        )
    return actor.limited_to(grants)
