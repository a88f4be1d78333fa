"""The server under attack: in production mode, with a database of its own, on loopback."""

import os
import resource
import secrets
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

import local
from attack.entry_points import write_manifest
from local import account, process, valkey
from tests.support.faults.process_group import NO_UNPAID_LIMITS
from tests.support.paths import ROOT
from tests.support.stripe_simulator import SECRET_KEY

FOLDER = ROOT / ".darkstore" / "attack"
MANIFEST = "manifest.json"
KEYS = "keys.json"
OPERATIONS = ROOT / "docs" / "operations"
PROXY = "127.0.0.2"
BYSTANDER = "127.0.0.9"
PEOPLE = "127.0.0.7"
PER_ADDRESS = 100
READY_SECONDS = 120.0
OPEN_FILES = 4_096
ESTABLISHED = "01"


@dataclass(frozen=True, slots=True)
class Target:
    """A running server."""

    port: int
    pid: int
    instance: local.Instance
    log: Path
    keys_file: Path
    payments_port: int
    """Where the server looks for the payment provider; a class may be it."""
    texts_port: int

    def memory_mb(self) -> float:
        """The resident memory of the server's process."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
        raise ProcessLookupError(self.pid)

    def open_sockets(self, source: str) -> int:
        """How many connections with clients of an address the server has."""
        port = f":{self.port:04X}"
        peer = ip_address(source).packed[::-1].hex().upper()
        rows = (row.split() for row in Path("/proc/net/tcp").read_text().splitlines()[1:])
        return sum(
            here.endswith(port) and there.startswith(peer) and state == ESTABLISHED
            for _, here, there, state, *_ in rows
        )

    def alive(self) -> bool:
        """Whether the process still runs."""
        return Path(f"/proc/{self.pid}").exists()


def document(name: str) -> str:
    """A document of our own apps, which production accepts from everybody."""
    lines = (OPERATIONS / f"{name}.graphql").read_text().splitlines()
    return "\n".join(line for line in lines if not line.startswith("#")).strip()


@contextmanager
def production_server(folder: Path = FOLDER) -> Iterator[Target]:
    """Start everything for the block, with its data in `folder`; end what was started here."""
    _allow_files()
    # What classes have written in an earlier run, demo people among it, is no production.
    account.remove(folder)
    folder.mkdir(parents=True)
    write_manifest(folder / MANIFEST)
    instance = local.start(folder)
    try:
        payments_port, texts_port = valkey.free_port(), valkey.free_port()
        environment = _environment(folder, instance, payments_port, texts_port)
        command = [sys.executable, "-m", "server"]
        subprocess.run(
            [*command, "migrate"], cwd=ROOT, env=environment, check=True, stdout=sys.stderr
        )
        port, log = valkey.free_port(), folder / "server.log"
        with log.open("w") as output:
            child = subprocess.Popen(
                [*command, "serve", "--port", str(port)], cwd=ROOT, env=environment,
                stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        try:
            _await_ready(port, child, log)
            keys_file = folder / KEYS
            yield Target(port, child.pid, instance, log, keys_file, payments_port, texts_port)
        finally:
            process.stop(child.pid, signal.SIGTERM)
            child.wait()
    finally:
        instance.stop()


def _environment(
    folder: Path, instance: local.Instance, payments_port: int, texts_port: int
) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "PYTHONUNBUFFERED": "1",
        "DARKSTORE_ENV": "production",
        "DATABASE_URL": instance.database_url,
        "REDIS_URL": instance.redis_url,
        "DARKSTORE_KEYS_FILE": str(folder / KEYS),
        "DARKSTORE_MANIFEST": str(folder / MANIFEST),
        "DARKSTORE_DRAIN_SECONDS": "1",
        "DARKSTORE_TRUSTED_PROXIES": PROXY,
        "DARKSTORE_CONNECTIONS_PER_ADDRESS": str(PER_ADDRESS),
        "DARKSTORE_APP_URL": "https://shop.example.org",
        # Nobody answers there unless a class does.
        "STRIPE_API_BASE": f"http://127.0.0.1:{payments_port}",
        "STRIPE_API_KEY": SECRET_KEY,
        "STRIPE_WEBHOOK_SECRET": f"whsec_{secrets.token_hex(16)}",
        "SMS_API_BASE": f"http://127.0.0.1:{texts_port}",
        "SMS_ACCOUNT": "AC1",
        "SMS_TOKEN": secrets.token_hex(16),
        **NO_UNPAID_LIMITS,
        # A class compares what is paid with what it takes, and must not wait for it.
        "DARKSTORE_BUDGET_PER_SECOND": "100000",
        "SMTP_HOST": "127.0.0.1",
        "SMTP_FROM": "shop@example.org",
    }


def _await_ready(port: int, child: "subprocess.Popen[bytes]", log: Path) -> None:
    end = time.monotonic() + READY_SECONDS
    while time.monotonic() < end and child.poll() is None:
        try:
            url = f"http://127.0.0.1:{port}/readyz"
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            time.sleep(0.2)
    raise SystemExit(f"attack: the server did not start:\n{process.tail(log)}")


def _allow_files() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
