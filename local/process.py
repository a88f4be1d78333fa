"""Starting, finding and ending the processes of private servers."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from local.account import Account
from local.errors import LocalError

POLL_SECONDS = 0.02
STOP_SECONDS = 20.0
LOG_LINES = 12


def launch(command: Sequence[str | Path], log: Path, owner: Account) -> subprocess.Popen[bytes]:
    """Start a server in its own session, so that Ctrl-C in the terminal does not stop it."""
    with log.open("ab") as out:
        return subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            cwd="/",
            start_new_session=True,
            user=owner.name,
            group=None if owner.name is None else owner.gid,
            extra_groups=None if owner.name is None else [],
        )


def alive(pid: int) -> bool:
    """Whether this process runs; a zombie does not."""
    try:
        waited, _ = os.waitpid(pid, os.WNOHANG)
        if waited == pid:
            return False
    except ChildProcessError:
        pass
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return not name_of(pid, "stat").startswith("Z")


def name_of(pid: int, column: str = "comm") -> str:
    """Return one column of `ps` for a process, or an empty string when there is none."""
    return _ps("-o", f"{column}=", "-p", str(pid)).strip()


def children(pid: int) -> list[int]:
    """The process ids of a process's direct children."""
    pairs = (line.split() for line in _ps("-A", "-o", "pid=,ppid=").splitlines())
    return [int(child) for child, parent in pairs if int(parent) == pid]


def kill(pid: int) -> None:
    """Kill a process and its children and wait until they have ended."""
    processes = [pid, *children(pid)]
    for member in processes:
        _signal(member, signal.SIGKILL)
    wait(lambda: not any(alive(member) for member in processes), STOP_SECONDS)


def stop(pid: int, how: signal.Signals) -> None:
    """Send a signal to a process, and kill it when it has not ended after STOP_SECONDS."""
    _signal(pid, how)
    if not wait(lambda: not alive(pid), STOP_SECONDS):
        kill(pid)


def wait(condition: Callable[[], bool], seconds: float) -> bool:
    """Wait until a condition is true; False after a timeout in seconds."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(POLL_SECONDS)
    return True


def await_ready(
    process: subprocess.Popen[bytes], ready: Callable[[], bool], log: Path, seconds: float
) -> None:
    """Wait until a new server is ready; raises LocalError with the end of its log if it fails."""
    wait(lambda: process.poll() is not None or ready(), seconds)
    if process.poll() is None and ready():
        return
    if process.poll() is None:
        kill(process.pid)
    what = Path(str(process.args[0] if isinstance(process.args, list) else process.args)).name
    raise LocalError(f"{what} did not start:\n{tail(log)}")


def tail(log: Path, lines: int = LOG_LINES) -> str:
    """The last lines of a log, indented."""
    if not log.exists():
        return "  (it has written no log)"
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 8192))
        text = file.read().decode(errors="replace")
    return "\n".join(f"  {line}" for line in text.splitlines()[-lines:])


def _signal(pid: int, how: signal.Signals) -> None:
    try:
        os.kill(pid, how)
    except ProcessLookupError:
        return


def _ps(*options: str) -> str:
    command = ["ps", *options]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout
