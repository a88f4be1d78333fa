"""The servers that are compared, one process each, and how they are started and asked."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.peers.place import FOLDER, ROOT, Place
from local import process
from local.valkey import free_port

HERE = Path(__file__).parent
START_SECONDS = 60.0
ASK_SECONDS = 30.0
COMMAND_PREFIX: tuple[str, ...] = ()
"""What runs our server's process, if anything does: a program that counts or traces."""


@dataclass(frozen=True, slots=True)
class Contender:
    """One server: what it is called, which documents it reads, what starts it."""

    name: str
    title: str
    dialect: str
    command: tuple[str, ...]
    ours: bool = False
    reference: bool = False

    @property
    def needs_npm(self) -> bool:
        return self.command[:1] == ("node",)


CONTENDERS = (
    Contender("darkstore", "Darkstore", "ours", (), ours=True),
    Contender(
        "mercurius", "Mercurius (JIT, loaders)", "ours", ("node", "servers/mercurius.js")
    ),
    Contender("postgraphile", "PostGraphile 5", "graphile", ("node", "servers/postgraphile.js")),
    Contender("yoga", "GraphQL Yoga + DataLoader", "ours", ("node", "servers/yoga.js")),
    Contender(
        "strawberry", "Strawberry + DataLoader", "ours",
        (sys.executable, "-m", "benchmarks.peers.plain"),
    ),
    Contender("reference", "Darkstore on graphql-core", "ours", (), ours=True, reference=True),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Running:
    """A contender at work."""

    contender: Contender
    port: int
    pid: int

    def ask(self, body: str, headers: Mapping[str, str]) -> Any:
        """The data of one answer; raises SystemExit with what was said instead of data."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/graphql",
            body.encode(),
            {"content-type": "application/json", "accept": "application/json", **headers},
        )
        try:
            with urllib.request.urlopen(request, timeout=ASK_SECONDS) as response:  # noqa: S310 - as above
                answer = json.load(response)
        except urllib.error.HTTPError as error:
            answer = {"errors": error.read().decode(errors="replace")}
        if answer.get("errors") or not answer.get("data"):
            raise SystemExit(f"bench: {self.contender.name} answered {answer}")
        return answer["data"]


@contextmanager
def started(place: Place, names: list[str]) -> Iterator[list[Running]]:
    """All the named servers at once; they end with the block."""
    with ExitStack() as stack:
        chosen = [one for one in CONTENDERS if one.name in names]
        yield [stack.enter_context(serving(place, one)) for one in chosen]


@contextmanager
def serving(place: Place, contender: Contender) -> Iterator[Running]:
    """One server, up and answering; it ends with the block."""
    port = free_port()
    environment = place.ours() if contender.ours else place.peers()
    command, folder = contender.command, HERE if contender.needs_npm else ROOT
    if contender.ours:
        command = (*COMMAND_PREFIX, sys.executable, "-m", "server", "serve", "--port", str(port))
        environment["EXECUTOR"] = "reference" if contender.reference else ""
    log = FOLDER / f"{contender.name}.log"
    with log.open("w") as output:
        child = subprocess.Popen(
            command,
            cwd=folder,
            env=environment | {"PORT": str(port)},
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        running = Running(contender, port, child.pid)
        _await(running, child, log)
        yield running
    finally:
        process.stop(child.pid, signal.SIGTERM)
        child.wait()


def _await(running: Running, child: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and child.poll() is None:
        try:
            running.ask('{"query": "{ __typename }"}', {})
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit(f"bench: {running.contender.name} did not start:\n{process.tail(log)}")


def has_node() -> bool:
    """Whether Node runs here; it generates the load."""
    return shutil.which("node") is not None


def has_npm_packages() -> bool:
    """Whether the servers written for Node can start."""
    return has_node() and (HERE / "node_modules" / "mercurius").is_dir()


def ticks(pid: int, *, with_ended_children: bool = False) -> float:
    """Seconds of CPU that a process has used, in user and kernel mode."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    used = fields[11:15] if with_ended_children else fields[11:13]
    return sum(map(int, used)) / os.sysconf("SC_CLK_TCK")
