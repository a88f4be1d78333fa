"""Every setting with every wrong kind of value, by every command that reads it."""

import asyncio
import os
import re
import socket
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

import pytest

from server.__main__ import COMMANDS, REFUSED, main
from server.settings import BadSetting
from server.settings.declarations import SETTINGS
from server.start_checks import CHECKS
from services.identity.access_tokens import load_keys
from tests.server.test_settings import REQUIRED, SMS_ACCOUNT
from tests.support.paths import ROOT
from tests.support.wrong_settings import WRONG

BY_NAME = {setting.name: setting for setting in SETTINGS}
UNREACHABLE = "postgresql+asyncpg://nobody:hunter2@127.0.0.1:1/nowhere"
ARGUMENTS = {"admin": ("create", "--phone", "+351912345678"), "keys": ("rotate",),
             "welcome": ("--url", "http://127.0.0.1")}  # fmt: skip


@pytest.fixture(autouse=True)
def begun(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The commands that began: nothing of them is carried out."""
    names: list[str] = []

    def begin(name: str) -> int:
        names.append(name)
        return 0

    for name in COMMANDS:
        module = import_module(f"server.commands.{name.replace('-', '_')}")
        monkeypatch.setattr(module, "main", lambda *_, name=name: begin(name))
    return names


@pytest.fixture
def valid(database_url: str, redis_url: str, tmp_path: Path) -> dict[str, str]:
    """The settings of a production server on the test's own data."""
    own = {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "DARKSTORE_KEYS_FILE": str(tmp_path / "keys.json"),
        "SMTP_HOST": "127.0.0.1",
        "SMTP_PORT": "1",
    }
    return {**REQUIRED, **SMS_ACCOUNT, **own}


def run(command: str, environment: Mapping[str, str]) -> int:
    return main([command, *ARGUMENTS.get(command, ())], environment)


def refusal(command: str, environment: Mapping[str, str], out: pytest.CaptureFixture[str]) -> str:
    """The one sentence with which a command refuses to begin."""
    assert run(command, environment) == REFUSED
    said = out.readouterr().err
    assert said.startswith(f"{command}: ")
    assert said.count("\n") == 1
    assert said.endswith((".\n", "?\n"))
    assert "Traceback" not in said
    return said


def test_every_setting_has_wrong_values_here_and_a_row_in_the_documentation() -> None:
    documented = re.findall(
        r"^\| `([A-Z0-9_]+)` \|", (ROOT / "docs" / "settings.md").read_text(), re.MULTILINE
    )
    assert list(BY_NAME) == documented
    assert BY_NAME.keys() == WRONG.keys()
    assert CHECKS.keys() <= BY_NAME.keys()
    assert "docs/settings.md" in (ROOT / "README.md").read_text()


@pytest.mark.parametrize(
    ("command", "name"),
    [(command, one.name) for command, spec in COMMANDS.items() for one in spec.reads],
)
def test_a_wrong_value_is_refused_with_a_sentence(
    command: str,
    name: str,
    valid: dict[str, str],
    begun: list[str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Each names the setting and what it is expected to be, and shows no secret."""
    for value in WRONG[name]:
        said = refusal(command, {"DARKSTORE_ENV": "development", **valid, name: value}, capsys)
        assert name in said, value[:40]
        demo = COMMANDS[command].for_demo and name == "DARKSTORE_ENV"
        assert BY_NAME[name].kind.expected in said or demo, value[:40]
        assert "hunter2" not in said
    assert not begun


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_an_empty_setting_is_one_that_is_not_set(setting: object, valid: dict[str, str]) -> None:
    found = BY_NAME[getattr(setting, "name")]  # noqa: B009 - parametrized without its type
    assert found.find({found.name: "  "}) == found.default
    if found.default is None:
        with pytest.raises(BadSetting, match=f"{found.name} is not set"):
            found.read({found.name: ""})


@pytest.mark.parametrize("command", COMMANDS)
async def test_valid_settings_begin(
    command: str, valid: dict[str, str], begun: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """The control of the others: nothing is said, and the command begins."""
    environment = {**valid, "DARKSTORE_ENV": "development", "SMTP_HOST": ""}
    assert await asyncio.to_thread(run, command, environment) == 0
    assert begun == [command]
    assert capsys.readouterr().err == ""


def folder(path: Path) -> str:
    path.mkdir()
    return str(path)


def text_file(path: Path, text: str, mode: int = 0o600) -> str:
    path.write_text(text)
    path.chmod(mode)
    return str(path)


def keys_file(path: Path, mode: int) -> str:
    load_keys(path)
    path.chmod(mode)
    return str(path)


@pytest.mark.parametrize("command", ["serve", "worker", "keys"])
@pytest.mark.parametrize(
    ("case", "message"),
    [
        ("0644", "others may read or write"),
        ("0640", "others may read or write"),
        ("0602", "others may read or write"),
        ("folder", "is not a file"),
        ("garbage", "holds no keys of ours"),
        ("other json", "holds no keys of ours"),
        ("below a file", "can't be read or made"),
    ],
)
async def test_a_file_of_keys_that_is_none_or_not_secret(
    command: str, case: str, message: str, valid: dict[str, str], tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """Garbage ended with a traceback, and a file that everybody may read was accepted."""
    path = tmp_path / "given.json"
    make = {
        "folder": lambda: folder(path),
        "garbage": lambda: text_file(path, "not json"),
        "other json": lambda: text_file(path, '{"keys": []}'),
        "below a file": lambda: text_file(path, "") + "/keys.json",
    }
    file = make[case]() if case in make else keys_file(path, int(case, 8))
    environment = {**valid, "DARKSTORE_KEYS_FILE": file}
    said = await asyncio.to_thread(refusal, command, environment, capsys)
    assert "DARKSTORE_KEYS_FILE" in said
    assert message in said


@pytest.mark.parametrize("command", ["serve", "worker"])
@pytest.mark.parametrize(
    ("name", "text", "below"),
    [
        ("DARKSTORE_FILES_FOLDER", "", ""),
        ("DARKSTORE_FILES_FOLDER", "", "/files"),
        ("DARKSTORE_MANIFEST", "not json", ""),
        ("DARKSTORE_MANIFEST", "[]", ""),
        ("DARKSTORE_MANIFEST", '{"abc": "{ viewer { id } }"}', ""),
        ("DARKSTORE_MANIFEST", "", ".missing"),
    ],
)
async def test_a_file_or_folder_that_can_not_be_used(
    command: str, name: str, text: str, below: str, valid: dict[str, str], tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    environment = {**valid, name: text_file(tmp_path / "given", text) + below}
    assert name in await asyncio.to_thread(refusal, command, environment, capsys)


READERS = [name for name, spec in COMMANDS.items() if BY_NAME["DATABASE_URL"] in spec.reads]


@pytest.mark.parametrize("command", READERS)
async def test_a_database_that_can_not_be_reached(
    command: str, valid: dict[str, str], capsys: pytest.CaptureFixture[str], begun: list[str]
) -> None:
    """A wrong address was silent: the server started, and said nothing."""
    environment = {**valid, "DATABASE_URL": UNREACHABLE, "DARKSTORE_ENV": "development"}
    said = await asyncio.to_thread(refusal, command, environment, capsys)
    assert "DATABASE_URL: the database at 127.0.0.1:1 can't be reached (Connection refused)" in said
    assert "hunter2" not in said
    assert not begun


@contextmanager
def database_server(code: str) -> Iterator[int]:
    """A port where a database answers each connection with this error code."""
    fields = f"SFATAL\0VFATAL\0C{code}\0Mrefused\0\0".encode()
    answer = b"E" + (len(fields) + 4).to_bytes(4, "big") + fields

    def refuse() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection:
                if connection.recv(1024).endswith((80877103).to_bytes(4, "big")):
                    connection.sendall(b"N")  # no TLS here
                    connection.recv(1024)
                connection.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=refuse, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("command", READERS)
@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("28P01", "refuses the user or the password"),
        ("28000", "refuses the user or the password"),
        ("3D000", "has no database 'darkstore'"),
    ],
)
async def test_a_database_that_refuses_us(
    command: str, code: str, message: str, valid: dict[str, str],
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """A wrong password was silent: the server started, and /readyz gave no cause."""
    with database_server(code) as port:
        url = f"postgresql://shop:hunter2@127.0.0.1:{port}/darkstore"
        environment = {**valid, "DATABASE_URL": url, "DARKSTORE_ENV": "development"}
        said = await asyncio.to_thread(refusal, command, environment, capsys)
    assert f"DATABASE_URL: the {'server' if code == '3D000' else 'database'} {message}" in said
    assert "hunter2" not in said


async def test_a_database_that_is_starting_is_waited_for(
    valid: dict[str, str], begun: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with database_server("57P03") as port:
        environment = {**valid, "DATABASE_URL": f"postgresql://shop@127.0.0.1:{port}/darkstore"}
        assert await asyncio.to_thread(run, "serve", environment) == 0
    assert begun == ["serve"]
    assert "takes no connections now" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["serve", "worker"])
async def test_a_cache_that_is_away_is_named_and_not_waited_for(
    command: str, valid: dict[str, str], begun: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    environment = {**valid, "REDIS_URL": "redis://:hunter2@127.0.0.1:1/0"}
    assert await asyncio.to_thread(run, command, environment) == 0
    said = capsys.readouterr().err
    assert "REDIS_URL: Valkey or Redis at 127.0.0.1:1 can't be reached (Connection refused)" in said
    assert "hunter2" not in said
    assert begun == [command]


async def test_a_wrong_password_of_the_cache_is_refused(
    valid: dict[str, str], redis_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """It was one warning, and the server was ready without its cache for good."""
    environment = {**valid, "REDIS_URL": redis_url.replace("redis://", "redis://:hunter2@")}
    said = await asyncio.to_thread(refusal, "serve", environment, capsys)
    assert "REDIS_URL: Valkey or Redis refuses the connection" in said


@pytest.mark.parametrize(("address", "status"), [("hello", 2), (UNREACHABLE, 2)])
@pytest.mark.parametrize("command", ["serve", "worker", "migrate"])
async def test_a_process_ends_with_the_sentence_alone(
    command: str, address: str, status: int, valid: dict[str, str]
) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "server", command, cwd=ROOT,
        env={**os.environ, **valid, "DATABASE_URL": address},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    output, said = await process.communicate()
    assert (process.returncode, output) == (status, b"")
    assert said.startswith(f"{command}: DATABASE_URL".encode())
    assert said.count(b"\n") == 1
