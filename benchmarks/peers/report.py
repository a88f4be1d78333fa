"""What a run found: tables for people, JSON for keeping, ratios against the targets."""

import json
import os
import platform
import re
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.peers.place import POOL, ROOT, Place

RESULTS = ROOT / "benchmarks" / "results"
OURS, PLAIN, REFERENCE = "darkstore", "strawberry", "reference"
PEERS = ("mercurius", "postgraphile", "yoga")
AGAINST_FASTEST = {
    "hello": 1.0, "proxied": 1.0, "storefront": 1.5, "search": 1.2, "tracking": 1.2, "orders": 1.2,
}  # fmt: skip
AGAINST_PLAIN = {"storefront": 8.0}
OF_LIMIT = {"storefront": 0.45}
LIBRARIES = ("strawberry-graphql", "graphql-core", "sqlalchemy", "asyncpg", "uvicorn", "orjson")
PACKAGES = ("mercurius", "postgraphile", "graphql-yoga", "graphql", "dataloader", "pg")
COLUMNS = ("requests_a_second", "p50_ms", "p99_ms", "server_cpu_ms", "postgres_cpu_ms")


def table(name: str, by_server: dict[str, Any]) -> str:
    """One operation's medians, a line for each server."""
    lines = [f"\n{name:14}{'req/s':>9}{'p50 ms':>9}{'p99 ms':>9}{'CPU ms':>9}{'PG ms':>9}  range"]
    for server, row in by_server.items():
        cells = "".join(
            f"{row[column]:>9.{0 if column == 'requests_a_second' else 2}f}" for column in COLUMNS
        )
        lines.append(f"  {server:12}{cells}  {row['slowest']:.0f}-{row['fastest']:.0f}")
    return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class Ratio:
    """How we stand against something, and how we must."""

    operation: str
    against: str
    found: float
    target: float

    def __str__(self) -> str:
        word = "holds" if self.found >= self.target else "MISSED"
        return (
            f"  {self.operation:11}{self.found:6.2f} x {self.against:24}"
            f" (target {self.target:.2f}) {word}"
        )


@dataclass(frozen=True, slots=True)
class Summary:
    """All operations of one run, and the rate of the storefront's statement alone."""

    results: dict[str, dict[str, Any]]
    limit: float
    rounds: int
    seconds: float

    def ratios(self) -> list[Ratio]:
        """Every target that this run can speak of."""
        return [ratio for name in self.results for ratio in self._of(name)]

    def _of(self, name: str) -> list[Ratio]:
        rates = {server: row["requests_a_second"] for server, row in self.results[name].items()}
        found = []
        if OURS not in rates:
            return []
        if peers := {server: rates[server] for server in PEERS if server in rates}:
            fastest = max(peers, key=lambda server: peers[server])
            ratio = rates[OURS] / peers[fastest]
            found.append(Ratio(name, f"{fastest} (fastest peer)", ratio, AGAINST_FASTEST[name]))
        for plain in (PLAIN, REFERENCE):
            if plain in rates and name in AGAINST_PLAIN:
                ratio = rates[OURS] / rates[plain]
                found.append(Ratio(name, plain, ratio, AGAINST_PLAIN[name]))
        if name in OF_LIMIT:
            found.append(Ratio(name, "pgbench", rates[OURS] / self.limit, OF_LIMIT[name]))
        return found

    def verdict(self) -> str:
        """The ratios in words."""
        limit = f"\npgbench, the storefront in one statement: {self.limit:.0f} a second"
        return "\n".join([limit, *map(str, self.ratios())])

    def save(self, place: Place) -> Path:
        """Write everything to benchmarks/results/peers.json, with the machine and versions."""
        RESULTS.mkdir(parents=True, exist_ok=True)
        body = {
            "taken": datetime.now(UTC).strftime("%Y-%m-%d"),
            "machine": machine(),
            "versions": versions(place),
            "how": {
                "connections": 16, "pool": POOL, "rounds": self.rounds, "seconds": self.seconds
            },
            "pgbench_a_second": round(self.limit, 1),
            "operations": self.results,
            "ratios": [
                {
                    "operation": ratio.operation,
                    "against": ratio.against,
                    "found": round(ratio.found, 2),
                    "target": ratio.target,
                }
                for ratio in self.ratios()
            ],
        }  # fmt: skip
        file = RESULTS / "peers.json"
        file.write_text(json.dumps(body, indent=2) + "\n")
        return file


def machine() -> dict[str, Any]:
    """Processor, cores, memory and system; no names."""
    about = Path("/proc/cpuinfo").read_text()
    model = re.search(r"model name\s*: (.+)", about)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "processor": model[1] if model else platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(memory / 2**30),
        "system": platform.system(),
    }


def versions(place: Place) -> dict[str, str]:
    """Of the languages, the database and the libraries that matter."""
    modules = Path(__file__).parent / "node_modules"
    node = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True)
    found = {"python": platform.python_version(), "node": node.stdout.strip().removeprefix("v")}
    programs = place.instance.postgres.programs
    said = subprocess.run(
        [str(programs / "postgres"), "--version"], capture_output=True, text=True, check=True
    )
    found["postgres"] = said.stdout.split()[2]
    found |= {name: version(name) for name in LIBRARIES}
    for name in PACKAGES:
        found[name] = json.loads((modules / name / "package.json").read_text())["version"]
    return found
