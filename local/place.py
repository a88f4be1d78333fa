"""Where a working copy keeps what it runs: folders, secrets made once, who runs."""

import fcntl
import json
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from local import process
from local.problem import Problem

OURS = ("-m server", "-m simulators")


@dataclass(frozen=True, slots=True)
class Place:
    """The ignored folder `.darkstore/run` of one working copy."""

    root: Path

    @property
    def folder(self) -> Path:
        return self.root / ".darkstore" / "run"

    @property
    def logs(self) -> Path:
        return self.folder / "logs"

    @contextmanager
    def held(self) -> Iterator[None]:
        """Be the only supervisor of this place; raises Problem when there is one already."""
        self.logs.mkdir(parents=True, exist_ok=True)
        with (self.folder / "supervisor.lock").open("a+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Problem("Darkstore runs already: `make stop` ends it.") from None
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
        """A secret of this working copy, made the first time it is asked for."""
        known: dict[str, str] = self._read("secrets.json")
        if name not in known:
            known[name] = secrets.token_hex(16)
            self._write("secrets.json", known)
        return known[name]

    def remember(self, environment: Mapping[str, str], pids: Mapping[str, int]) -> None:
        """Write down what runs, for `make demo`, `make stop` and whoever starts next."""
        self._write("environment.json", dict(environment))
        self._write("processes.json", dict(pids))

    def environment(self) -> dict[str, str]:
        """The settings of the running server; raises Problem when none runs."""
        if self.supervisor() is None:
            raise Problem("Darkstore does not run here: start it with `make run`.")
        return self._read("environment.json")

    def orphans(self) -> dict[str, int]:
        """Processes that a killed supervisor has left behind."""
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
    """A number may have gone to a stranger's process since."""
    said = process.name_of(pid, "args")
    return any(word in said for word in OURS)
