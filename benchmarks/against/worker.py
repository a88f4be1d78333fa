"""Loads the server of one tree whenever it is asked to: a line in, a line out.

Runs in the folder of its tree and imports that tree's modules, so it uses only what the peer
benchmark has had from the beginning. A line on stdin is `<operation> <seconds>`; the answer is the
number of requests and the seconds of CPU that all threads of the server used for them.
"""

import inspect
import json
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path.cwd()))

from benchmarks.peers.__main__ import Bench
from benchmarks.peers.contenders import CONTENDERS, Running, serving
from benchmarks.peers.operations import operations
from benchmarks.peers.place import open_place

CONNECTIONS = 16
NANOSECONDS = 1e9


def cpu_seconds(pid: int) -> float:
    """Seconds of CPU of a process's threads: in nanoseconds, where /proc/stat counts in ticks."""
    threads = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(thread.read_text().split()[0]) for thread in threads) / NANOSECONDS


def load(running: Running, order: dict[str, object], script: Path) -> dict[str, float]:
    """Send one request again and again for some time."""
    command = ["node", str(script), json.dumps({"port": running.port, **order})]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        child.stdout.readline()
        before = cpu_seconds(running.pid)
        child.stdout.readline()
        used = cpu_seconds(running.pid) - before
        result = json.loads(child.stdout.readline())
    if result["failures"] or not result["requests"]:
        raise SystemExit(f"against: the server failed under load: {result}")
    return {"requests": result["requests"], "cpu_seconds": used}


def main() -> None:
    """Serve until stdin ends."""
    script = Path(sys.argv[1])
    place = open_place()
    try:
        by_name = {one.name: one for one in operations(place.customer, place.order)}
        [ours] = [one for one in CONTENDERS if one.name == "darkstore"]
        with serving(place, ours) as running:
            has_connections = "connections" in inspect.signature(Bench).parameters
            bench = Bench(place, [running], 1.0, *((CONNECTIONS,) if has_connections else ()))
            print(json.dumps(sorted(by_name)), flush=True)
            for line in sys.stdin:
                name, seconds, warm_seconds = line.split()
                order = {
                    "headers": bench.headers(running, by_name[name]),
                    "body": by_name[name].body("ours"), "connections": CONNECTIONS,
                    "warm": float(warm_seconds), "seconds": float(seconds),
                }  # fmt: skip
                print(json.dumps(load(running, order, script)), flush=True)
    finally:
        place.instance.stop()


if __name__ == "__main__":
    main()
