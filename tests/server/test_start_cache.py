"""What a process does at its start with each answer of Valkey: only a wrong setting stops it."""

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from server.settings.declarations import REDIS_URL
from server.settings.setting import BadSetting
from server.start_checks import check_settings

FAULTS = [
    "MISCONF Valkey is configured to save RDB snapshots, but it can't persist to disk.",
    "BUSY Valkey is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.",
    "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
    "OOM command not allowed when used memory > 'maxmemory'.",
    "LOADING Valkey is loading the dataset in memory",
    "READONLY You can't write against a read only replica.",
    "CLUSTERDOWN The cluster is down",
    "ERR max number of clients reached",
    "ERR an error of a later version",
]
REFUSALS = [
    "WRONGPASS invalid username-password pair or user is disabled.",
    "NOAUTH Authentication required.",
    "NOPERM this user has no permissions to run the 'ping' command",
    "ERR invalid password",
    "ERR DB index is out of range",
    "ERR invalid DB index",
    "ERR SELECT is not allowed in cluster mode",
]
USERS = ["", "user:secret@"]


@contextmanager
def answering(answer: str) -> Iterator[int]:
    """The port of a server that answers every command with this error."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            while commands := self.request.recv(4096):
                # Each command of the protocol begins with the number of its parts.
                count = commands.count(b"\r\n*") + 1
                self.request.sendall(f"-{answer}\r\n".encode() * count)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


def check(user: str, port: int) -> list[str]:
    return check_settings((REDIS_URL,), {"REDIS_URL": f"redis://{user}127.0.0.1:{port}/1"})


def word(answer: str) -> str:
    return answer[:22]


@pytest.mark.parametrize("user", USERS)
@pytest.mark.parametrize("answer", FAULTS, ids=word)
def test_a_process_starts_while_valkey_has_a_fault(answer: str, user: str) -> None:
    """A rolling restart while Valkey lived with a fault stopped one process after the other."""
    with answering(answer) as port:
        [warning] = check(user, port)
    assert warning.startswith(f"REDIS_URL: Valkey or Redis at 127.0.0.1:{port} ")
    assert "secret" not in warning


@pytest.mark.parametrize("user", USERS)
@pytest.mark.parametrize("answer", REFUSALS, ids=word)
def test_a_wrong_password_or_database_of_valkey_stops_the_start(answer: str, user: str) -> None:
    """These pass by no waiting: without the refusal a wrong setting is found much later."""
    with answering(answer) as port, pytest.raises(BadSetting) as refused:
        check(user, port)
    assert str(refused.value).startswith("REDIS_URL: Valkey or Redis refuses the connection (")
    assert "secret" not in str(refused.value)
