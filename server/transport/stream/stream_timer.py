"""One timer for all streams of a server, which looks after each of them every so often."""

import asyncio
from typing import Protocol

LOOKS = 8


class Watched(Protocol):
    """A stream that is looked after."""

    def look(self, now: float, quiet_since: float) -> None:
        """See to it by the loop's clock; say something if it was quiet since then."""


class Watch:
    """Looks LOOKS times in `seconds`, so that nobody is quiet for longer than that."""

    def __init__(self, seconds: float) -> None:
        self._step = seconds / LOOKS
        self._quiet = seconds - self._step
        self._members: dict[Watched, None] = {}
        self._timer: asyncio.TimerHandle | None = None

    def join(self, member: Watched) -> None:
        """Look after a stream until it leaves."""
        self._members[member] = None
        if self._timer is None:
            self._set()

    def leave(self, member: Watched) -> None:
        """Look after it no more."""
        self._members.pop(member, None)

    def _set(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self._step, self._look)

    def _look(self) -> None:
        self._timer = None
        if not self._members:
            return
        # Before anything can go wrong: all depend on it.
        self._set()
        now = asyncio.get_running_loop().time()
        for member in list(self._members):
            member.look(now, now - self._quiet)
