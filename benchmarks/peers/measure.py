"""Loads one server with one request, and reads what that cost it and PostgreSQL."""

import json
import statistics
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.peers.contenders import Running, ticks
from local import process
from local.postgres import Postgres

LOAD = Path(__file__).parent / "load.js"
CONNECTIONS = 16
WARM_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Figures:
    """One round: requests a second, latencies, CPU of the server and of PostgreSQL a request."""

    requests_a_second: float
    p50_ms: float
    p99_ms: float
    server_cpu_ms: float
    postgres_cpu_ms: float


def loaded(
    running: Running,
    body: str,
    headers: Mapping[str, str],
    postgres: Postgres,
    seconds: float,
    connections: int = CONNECTIONS,
) -> Figures:
    """Measure one round; raises SystemExit when an answer differs in length from the first."""
    order = {
        "port": running.port, "headers": dict(headers), "body": body,
        "connections": connections, "warm": min(WARM_SECONDS, seconds), "seconds": seconds,
    }  # fmt: skip
    with subprocess.Popen(
        ["node", str(LOAD), json.dumps(order)], stdout=subprocess.PIPE, text=True
    ) as load:
        assert load.stdout is not None
        load.stdout.readline()
        before = ticks(running.pid), backends(postgres)
        load.stdout.readline()
        after = ticks(running.pid), backends(postgres)
        result = json.loads(load.stdout.readline())
    if result["failures"] or not result["requests"]:
        raise SystemExit(f"bench: {running.contender.name} failed under load: {result}")
    server, database = (
        1_000 * (late - early) / result["requests"]
        for early, late in zip(before, after, strict=True)
    )
    rate = result["requests"] / result["seconds"]
    return Figures(rate, result["p50_ms"], result["p99_ms"], server, database)


def backends(postgres: Postgres) -> float:
    """Seconds of CPU that all of PostgreSQL's processes have used, ended ones too."""
    main = postgres.pid() or 0
    used = ticks(main, with_ended_children=True)
    for child in process.children(main):
        try:
            used += ticks(child)
        except (FileNotFoundError, ProcessLookupError):  # the process ended meanwhile
            continue
    return used


def limit(postgres: Postgres, statement: Path, seconds: float) -> float:
    """Times a second that pgbench alone gets a statement answered over the same connections."""
    done = subprocess.run(
        [
            str(postgres.programs / "pgbench"), "--no-vacuum", "--protocol=prepared",
            f"--client={CONNECTIONS}", "--jobs=1", f"--time={max(1, round(seconds))}",
            f"--file={statement}", "--host", str(postgres.socket), "--port", "5432",
            "--username", "darkstore", "darkstore",
        ],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    for line in done.stdout.splitlines():
        if line.startswith("tps = "):
            return float(line.split()[2])
    raise SystemExit(f"bench: pgbench failed: {done.stderr}")


def median(rounds: Sequence[Figures]) -> dict[str, Any]:
    """The median of each figure over the rounds, and the spread of the rates."""
    rows = [asdict(one) for one in rounds]
    rates = [one.requests_a_second for one in rounds]
    middle = {name: round(statistics.median(row[name] for row in rows), 3) for name in rows[0]}
    return middle | {"slowest": round(min(rates), 1), "fastest": round(max(rates), 1)}
