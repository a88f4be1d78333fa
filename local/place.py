"""The state of a working copy's processes: folders, generated secrets, process ids."""

import fcntl
import json
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from local import process
from local.errors import LocalError

OURS = ("-m server", "-m simulators")


@dataclass(frozen=True, slots=True)
class Place:
    """A folder of one working copy that git ignores, `.darkstore/run` unless named otherwise."""

    root: Path
    name: str = "run"

    @property
    def folder(self) -> Path:
        return self.root / ".darkstore" / self.name

    @property
    def logs(self) -> Path:
        return self.folder / "logs"

    @contextmanager
    def held(self) -> Iterator[None]:
        """Be the only supervisor of this folder; raises LocalError when another one runs."""
        self.logs.mkdir(parents=True, exist_ok=True)
        with (self.folder / "supervisor.lock").open("a+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise LocalError("Darkstore runs already: `make stop` ends it.") from None
            lock.truncate(0)
            lock.write(str(os.getpid()))
            lock.flush()
            yield
            lock.truncate(0)

    def supervisor(self) -> int | None:
        """The process id of the supervisor that runs now, or None."""
        try:
            with (self.folder / "supervisor.lock").open("r") as lock:
                try:
                    fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
                except BlockingIOError:
                    return int(lock.read() or 0) or None
        except FileNotFoundError:
            pass
        return None

    def secret(self, name: str) -> str:
        """Return a secret of this working copy, which is generated on first use."""
        known: dict[str, str] = self._read("secrets.json")
        if name not in known:
            known[name] = secrets.token_hex(16)
            self._write("secrets.json", known)
        return known[name]

    def remember(self, environment: Mapping[str, str], pids: Mapping[str, int]) -> None:
        """Store settings and process ids for `make demo`, `make stop` and the next start."""
        self._write("environment.json", dict(environment))
        self._write("processes.json", dict(pids))

    def environment(self) -> dict[str, str]:
        """The settings of the running server; raises LocalError when none runs."""
        if self.supervisor() is None:
            raise LocalError("Darkstore does not run here: start it with `make run`.")
        return self._read("environment.json")

    def orphans(self) -> dict[str, int]:
        """Return the processes that a killed supervisor has left running."""
        known: dict[str, int] = self._read("processes.json")
        return {name: pid for name, pid in known.items() if _is_ours(pid)}

    def _read(self, name: str) -> dict:  # type: ignore[type-arg]  # the callers name the values
        try:
            found = json.loads((self.folder / name).read_text())
        except (FileNotFoundError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def _write(self, name: str, value: Mapping[str, object]) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / name
        path.touch(mode=0o600)
        path.write_text(json.dumps(value, indent=2))


def _is_ours(pid: int) -> bool:
    """Return False if the process id belongs to another program by now."""
    arguments = process.name_of(pid, "args")
    return any(word in arguments for word in OURS)
