"""What `make run` says when it can't, and what it remembers between runs."""

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from local import postgres, run, setup
from local.errors import LocalError
from local.place import Place
from tests.support.paths import ROOT


def test_a_taken_port_is_said_in_one_sentence(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        done = python_run(tmp_path, PORT=str(port))
    assert done.returncode == 1
    assert f"Port {port} is taken" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_port_that_is_no_number_is_said_in_one_sentence(tmp_path: Path) -> None:
    done = python_run(tmp_path, PORT="http")
    assert (done.returncode, "PORT is 'http'" in done.stderr) == (1, True)


def test_only_one_supervisor_holds_a_place(tmp_path: Path) -> None:
    place = Place(tmp_path)
    with place.held():
        assert Place(tmp_path).supervisor() == os.getpid()
        with pytest.raises(LocalError, match="make stop"), Place(tmp_path).held():
            pass
    assert place.supervisor() is None


def test_a_secret_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    secret = Place(tmp_path).secret("key")
    assert Place(tmp_path).secret("key") == secret
    assert Place(tmp_path).secret("other") != secret
    assert (Place(tmp_path).folder / "secrets.json").stat().st_mode & 0o077 == 0


def test_a_strangers_process_is_never_taken_for_one_that_was_left_behind(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.remember({}, {"server": os.getppid(), "worker": 2**22 + 1})
    assert place.orphans() == {}


def test_a_command_inside_needs_a_running_store(tmp_path: Path) -> None:
    with pytest.raises(LocalError, match="make run"):
        Place(tmp_path).environment()


def test_a_machine_without_apt_hears_what_it_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "installed", list)
    monkeypatch.setattr(shutil, "which", lambda name: "/bin/ps" if name == "ps" else None)
    with pytest.raises(LocalError, match="PostgreSQL 14 or newer with PostGIS"):
        setup.install(ROOT, with_postgres=True)


def test_setting_up_twice_installs_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    ran: list[list[str]] = []
    (tmp_path / "requirements").mkdir()
    (tmp_path / setup.LOCK).write_text("")
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "python").symlink_to(sys.executable)
    monkeypatch.setattr(setup, "_run", lambda command: ran.append(list(command)))
    setup.install(tmp_path, with_postgres=False)
    assert [command[2] for command in ran] == ["pip"]
    setup.install(tmp_path, with_postgres=False)
    assert len(ran) == 1


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("postgres://me@host/db", "postgresql+asyncpg://me@host/db"),
        ("postgresql://host/db", "postgresql+asyncpg://host/db"),
        ("postgresql+asyncpg://host/db", "postgresql+asyncpg://host/db"),
    ],
)
def test_an_address_without_a_driver_gets_ours(given: str, wanted: str) -> None:
    assert run._with_driver(given) == wanted


def python_run(root: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run the supervisor over another root, in a process of its own: it takes the signals."""
    code = "import sys, os; from pathlib import Path; import local.__main__ as m;"
    code += "m.ROOT = Path(sys.argv[1]); sys.exit(m.main(['run']))"
    return subprocess.run(
        [sys.executable, "-c", code, str(root)],
        cwd=ROOT,
        env=os.environ | settings,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
