"""Installs what this machine lacks: system packages through apt, libraries into .venv."""

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from local import postgres
from local.errors import LocalError

OLDEST_PYTHON = (3, 11)
OLDEST_TEXT = ".".join(map(str, OLDEST_PYTHON))
LOCK = Path("requirements/dev.txt")
POSTGIS = re.compile(r"^postgresql-(\d+)-postgis-3 ", re.MULTILINE)


def install(root: Path, *, with_postgres: bool, for_tests: bool = False) -> None:
    """Make the machine ready to run, or also to test; asks no network when it is ready already."""
    if sys.version_info < OLDEST_PYTHON:
        raise LocalError(
            f"Darkstore needs Python {OLDEST_TEXT} or newer; this is {sys.version[:6]}."
        )
    _system_packages(with_postgres=with_postgres, for_tests=for_tests)
    _libraries(root)


def _system_packages(*, with_postgres: bool, for_tests: bool) -> None:
    lacking = []
    if importlib.util.find_spec("ensurepip") is None or importlib.util.find_spec("venv") is None:
        lacking.append(f"python3.{sys.version_info.minor}-venv")
    if shutil.which("ps") is None:
        lacking.append("procps")
    if with_postgres and not any(map(postgres.has_postgis, postgres.installed())):
        lacking.append("postgis")
    if for_tests and shutil.which("haproxy", path=_search_path()) is None:
        lacking.append("haproxy")
    if lacking:
        _apt_get(lacking)


def _apt_get(lacking: Sequence[str]) -> None:
    if shutil.which("apt-get") is None:
        raise LocalError(
            f"This machine lacks {', '.join(lacking)} and has no apt-get: install PostgreSQL"
            f" {postgres.OLDEST_VERSION} or newer with PostGIS 3 by your system's own means,"
            " or name servers by DATABASE_URL and REDIS_URL."
        )
    before = _before(lacking)
    _say(f"installing {', '.join(lacking)} with apt-get")
    _run([*before, "apt-get", "update", "-qq"])
    packages: list[str] = []
    for one in lacking:
        packages += _postgis_packages() if one == "postgis" else [one]
    options = ["-y", "-qq", "--no-install-recommends"]
    _run(
        [
            *before,
            "env",
            "DEBIAN_FRONTEND=noninteractive",
            "apt-get",
            "install",
            *options,
            *packages,
        ]
    )


def _before(lacking: Sequence[str]) -> list[str]:
    """What makes a command run as root; raises LocalError when nothing does."""
    if os.geteuid() == 0:
        return []
    sudo = shutil.which("sudo")
    asleep = sudo and subprocess.run([sudo, "-n", "true"], capture_output=True, check=False)
    if sudo and (sys.stdin.isatty() or (asleep and asleep.returncode == 0)):
        return [sudo]
    raise LocalError(
        f"This machine lacks {', '.join(lacking)}, and installing needs root: run `make setup`"
        " once as root or where sudo may ask for a password."
    )


def _postgis_packages() -> list[str]:
    """PostGIS for the newest server that is here, else for the newest that apt offers."""
    said = _said(["apt-cache", "search", "--names-only", "^postgresql-[0-9]+-postgis-3$"])
    offered = sorted(map(int, POSTGIS.findall(said)), reverse=True)
    here = [postgres.version_of(programs) for programs in postgres.installed()]
    fitting = [version for version in here if version in offered] or offered
    if not fitting:
        raise LocalError(
            "apt-get offers no PostGIS 3: add a source that does, or set DATABASE_URL."
        )
    return [f"postgresql-{fitting[0]}", f"postgresql-{fitting[0]}-postgis-3"]


def _libraries(root: Path) -> None:
    python = root / ".venv" / "bin" / "python"
    version = (
        _said([str(python), "-c", "import sys; print(sys.version)"]) if python.exists() else ""
    )
    fits = version and tuple(map(int, version.split(".")[:2])) >= OLDEST_PYTHON
    if not fits:
        _say(f"making .venv with Python {sys.version.split()[0]}")
        _run([sys.executable, "-m", "venv", "--clear", str(root / ".venv")])
        version = sys.version + "\n"
    wanted = hashlib.sha256((root / LOCK).read_bytes() + version.encode()).hexdigest()
    stamp = root / ".venv" / "darkstore-lock"
    if stamp.exists() and stamp.read_text() == wanted:
        return
    _say(f"installing the libraries of {LOCK}, a minute or two")
    pip = [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    _run([*pip, "--require-hashes", "-r", str(root / LOCK)])
    stamp.write_text(wanted)


def _search_path() -> str:
    """PATH with the folder of system daemons, which not every user has on it."""
    return os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin"])


def _say(text: str) -> None:
    print(f"setup: {text}", flush=True)


def _run(command: Sequence[str]) -> None:
    if subprocess.run(command, stdin=None, check=False).returncode:
        raise LocalError(f"This command failed: {' '.join(command)}")


def _said(command: Sequence[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout
