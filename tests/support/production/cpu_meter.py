"""How much CPU a server and its database have used, in nanoseconds of the kernel's account."""

import time
from dataclasses import dataclass, field
from typing import NamedTuple

from local import process

PROCESS_CLOCK = 2
"""The kind of a clock that counts the CPU time of a process (clock_getcpuclockid of Linux)."""

LIST_SECONDS = 5.0
"""To list processes takes long beside a request, and connections of a pool stay."""


class CpuTime(NamedTuple):
    """Milliseconds of CPU of the server's process, and of all processes of PostgreSQL."""

    server_ms: float
    database_ms: float

    def since(self, earlier: "CpuTime") -> "CpuTime":
        """What was used after an earlier reading."""
        return CpuTime(self.server_ms - earlier.server_ms, self.database_ms - earlier.database_ms)


@dataclass
class CpuMeter:
    """Reads the CPU time of a server's process and of PostgreSQL."""

    server: int
    postgres: int
    _used: dict[int, float] = field(default_factory=dict)
    _children: list[int] = field(default_factory=list)
    _listed_at: float = float("-inf")

    def read(self) -> CpuTime:
        """The CPU time so far; what ended processes have used stays counted."""
        if time.monotonic() > self._listed_at + LIST_SECONDS:
            self._children = list(process.children(self.postgres))
            self._listed_at = time.monotonic()
        for pid in (self.postgres, *self._children):
            used = _used_ms(pid)
            if used is not None:
                self._used[pid] = used
        return CpuTime(_used_ms(self.server) or 0.0, sum(self._used.values()))


def _used_ms(pid: int) -> float | None:
    try:
        return time.clock_gettime((~pid << 3) | PROCESS_CLOCK) * 1_000
    except OSError:  # it has ended
        return None
