"""CPU that the processes of a run used."""

import time

from benchmarks.peers.contenders import ticks
from benchmarks.peers.measure import backends
from benchmarks.riders.world import World


class CpuUsage:
    """Seconds of CPU of the servers, PostgreSQL, Valkey and this process between two samples."""

    def __init__(self, world: World, pids: list[int]) -> None:
        self._world = world
        self._pids = pids
        self._samples: list[tuple[float, float, float, float]] = []

    def sample(self) -> None:
        instance = self._world.place.instance
        valkey = instance.valkey.pid()
        self._samples.append(
            (
                sum(map(ticks, self._pids)),
                backends(instance.postgres),
                ticks(valkey) if valkey else 0.0,
                time.process_time(),
            )
        )

    def micros(self, updates: int) -> dict[str, int]:
        """Microseconds of CPU for each update, by process."""
        first, last = self._samples
        names = ("server", "postgres", "valkey", "client")
        spent = (late - early for early, late in zip(first, last, strict=True))
        return {
            name: round(seconds / max(1, updates) * 1e6)
            for name, seconds in zip(names, spent, strict=True)
        }
