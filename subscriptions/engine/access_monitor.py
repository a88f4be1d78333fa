"""Checks periodically, for all subscriptions of a process, that their actors still have access.

A signed-out session, or a revoked role or app scope, ends its subscriptions within five seconds.
Access to the watched rows themselves is checked once a minute.
"""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, Protocol
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

GrantsOf = Callable[[Sequence[UUID]], Awaitable[dict[UUID, Grants]]]


class MonitoredSubscription(Protocol):
    """A subscription of a signed-in actor."""

    @property
    def actor(self) -> Actor: ...

    @property
    def grants_of(self) -> GrantsOf:
        """Reads the current grants and scopes of sessions."""

    async def check_access(self) -> None:
        """Raise DomainError or AccessDenied unless the actor may see the watched rows."""

    def fail(self, error: Exception) -> None:
        """End the subscription with this error."""


class AccessCheck:
    """When the access of one subscription was last verified, and when it is checked next."""

    __slots__ = ("next_access_check", "next_session_check", "subscription", "verified_at")

    def __init__(self, subscription: MonitoredSubscription, now: float) -> None:
        self.subscription = subscription
        self.verified_at = now
        self.schedule_session_check(now)
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
        """Monitor a subscription whose access has just been checked."""
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
        for check in due:
            check.verified_at = now
            check.schedule_session_check(now)
            if (error := _access_error(check.subscription.actor, grants)) is not None:
                self._end(check.subscription, error)

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
        remaining = iter(due)

        async def check_remaining() -> None:
            for check in remaining:
                check.schedule_access_check(now)
                await self._check_one(check.subscription)

        worker_count = min(MAX_CONCURRENT_CHECKS, len(due))
        await asyncio.gather(*(check_remaining() for _ in range(worker_count)))

    async def _check_one(self, subscription: MonitoredSubscription) -> None:
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


def _access_error(actor: Actor, grants_by_session: dict[UUID, Grants]) -> Exception | None:
    """Return the error that ends the streams of a revoked session, role or scope."""
    if actor.session_id is None:
        return None
    grants = grants_by_session.get(actor.session_id)
    if grants is None:
        return AccessDenied("UNAUTHENTICATED", "This session was signed out.")
    if not grants.issuperset(actor.grants):
        return AccessDenied("FORBIDDEN", "Your roles have changed: refresh your access token.")
    if not grants.issuperset(actor.scopes):
        return AccessDenied(
            "FORBIDDEN", "The app's scopes have changed: ask for another access token."
        )
    return None
