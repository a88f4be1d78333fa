"""Counts the instructions of our server for each request: `python -m benchmarks.instructions`.

The server runs under callgrind, one request after another on one connection. Counts differ by up
to three percent from run to run, the smallest request by ten; times differ by half. They contain
what timers do meanwhile and leave out the kernel, PostgreSQL and waiting. Needs valgrind and about
five minutes.

To compare two commits, run it in a worktree of each: docs/decisions/0020 tells how.
"""

import argparse
import http.client
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.peers import contenders
from benchmarks.peers.__main__ import Bench
from benchmarks.peers.contenders import CONTENDERS, Running
from benchmarks.peers.operations import Operation, operations
from benchmarks.peers.place import open_place

START_SECONDS = 600.0
ANSWER_SECONDS = 200.0
WARM_REQUESTS = 60
REQUESTS = {"hello": 400, "proxied": 400, "orders": 10}
REQUESTS_OTHERWISE = 40
MISSING = "instructions: valgrind is not installed, so nothing was counted (apt install valgrind)."


class Counter:
    """Counts what one process under callgrind executes, its timers included."""

    def __init__(self, pid: int, folder: Path) -> None:
        self._pid = pid
        self._folder = folder
        self._control("-i", "on")

    def begin(self) -> None:
        """Count from zero."""
        for dump in self._folder.glob("counts*"):
            dump.unlink()
        self._control("-z")

    def end(self) -> int:
        """The instructions since `begin`."""
        self._control("-d")
        lines = (line for dump in self._folder.glob("counts*") for line in dump.open())
        counts = [int(line.split()[1]) for line in lines if line.startswith("totals:")]
        return sum(counts)

    def per_request(self, name: str, client: "Client") -> float:
        """The instructions of one request of this operation, the mean of some."""
        requests = REQUESTS.get(name, REQUESTS_OTHERWISE)
        self.begin()
        client.send(requests)
        return self.end() / requests

    def _control(self, *order: str) -> None:
        command = ["callgrind_control", *order, str(self._pid)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


class Client:
    """One connection that sends one operation again and again."""

    def __init__(self, running: Running, operation: Operation, headers: dict[str, str]) -> None:
        self._connection = http.client.HTTPConnection(
            "127.0.0.1", running.port, timeout=ANSWER_SECONDS
        )
        self._name = operation.name
        self._body = operation.body(running.contender.dialect)
        json_both_ways = {"content-type": "application/json", "accept": "application/json"}
        self._headers = json_both_ways | headers

    def send(self, count: int) -> None:
        """Send that many requests; raises SystemExit when one fails."""
        for _ in range(count):
            self._connection.request("POST", "/graphql", self._body, self._headers)
            response = self._connection.getresponse()
            answer = response.read()
            if response.status != 200 or b'"errors"' in answer:
                raise SystemExit(f"instructions: {self._name} was answered {answer[:300]!r}")


@contextmanager
def under_callgrind(folder: Path) -> Iterator[None]:
    """Start our server by callgrind, which counts only when it is told to."""
    prefix = (
        "valgrind", "-q", "--tool=callgrind", "--instr-atstart=no",
        f"--callgrind-out-file={folder / 'counts'}",
    )  # fmt: skip
    earlier = contenders.COMMAND_PREFIX, contenders.START_SECONDS, contenders.ASK_SECONDS
    contenders.COMMAND_PREFIX = prefix
    contenders.START_SECONDS, contenders.ASK_SECONDS = START_SECONDS, ANSWER_SECONDS
    try:
        yield
    finally:
        contenders.COMMAND_PREFIX, contenders.START_SECONDS, contenders.ASK_SECONDS = earlier


def count(names: list[str], repeats: int) -> None:
    """Print the instructions of each operation, once for each repeat."""
    place = open_place()
    try:
        with (
            TemporaryDirectory() as folder,
            under_callgrind(Path(folder)),
            contenders.serving(place, CONTENDERS[0]) as running,
        ):
            bench = Bench(place, [running], 0.0, 1)
            clients: dict[str, Client] = {}
            for one in operations(place.customer, place.order):
                if not names or one.name in names:
                    clients[one.name] = Client(running, one, bench.headers(running, one))
                    clients[one.name].send(WARM_REQUESTS)
            counter = Counter(running.pid, Path(folder))
            for name, client in clients.items():
                found = [counter.per_request(name, client) for _ in range(repeats)]
                print(f"{name:11}", *(f"{one:>12,.0f}" for one in found), flush=True)
    finally:
        place.instance.stop()


def main() -> int:
    """Count, or say why not."""
    parser = argparse.ArgumentParser(prog="benchmarks.instructions", description=__doc__)
    parser.add_argument("--operations", nargs="+", default=[])
    parser.add_argument("--repeats", type=int, default=3)
    chosen = parser.parse_args()
    if shutil.which("valgrind") is None:
        print(MISSING)
        return 1
    count(chosen.operations, chosen.repeats)
    return 0


if __name__ == "__main__":
    sys.exit(main())
