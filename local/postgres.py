"""A private PostgreSQL with PostGIS that listens on a unix socket alone."""

import fcntl
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from local import process
from local.account import Account, account, home, socket_folder
from local.errors import LocalError

SUPERUSER = "darkstore"
DATABASE = "darkstore"
EXTENSIONS = ("postgis", "pg_trgm", "btree_gist", "btree_gin", "unaccent")
PORT = 5432  # names the socket's file: nothing listens on the network
START_SECONDS = 60.0
OLDEST_VERSION = 14
SETTINGS = {
    "listen_addresses": "",
    "port": str(PORT),
    "unix_socket_permissions": "0700",
    "max_connections": "400",
    "shared_buffers": "256MB",
    "effective_cache_size": "1GB",
    "work_mem": "8MB",
    "maintenance_work_mem": "128MB",
    "max_wal_size": "1GB",
    "random_page_cost": "1.1",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_duration_statement": "1s",
    "log_lock_waits": "on",
}
# Safe when the server is killed, not when the machine loses power.
FORGETFUL = {"fsync": "off", "full_page_writes": "off"}


@dataclass(frozen=True, slots=True)
class Postgres:
    """One private cluster; `durable=False` trades safety at power loss for speed in tests."""

    programs: Path
    place: Path
    owner: Account
    durable: bool

    @property
    def data(self) -> Path:
        return self.place / "postgres"

    @property
    def log(self) -> Path:
        return self.place / "postgres-log" / "postgres.log"

    @property
    def socket(self) -> Path:
        return socket_folder(self.place, self.owner)

    def url(self, database: str = DATABASE) -> str:
        """The SQLAlchemy address of one of its databases, as the superuser."""
        host = quote(str(self.socket), safe="/")
        return f"postgresql+asyncpg://{SUPERUSER}@/{database}?host={host}&port={PORT}"

    def pid(self) -> int | None:
        """The running server's process id, or None; a stale pid file counts as not running."""
        try:
            pid = int((self.data / "postmaster.pid").read_text().split("\n", 1)[0])
        except (FileNotFoundError, ValueError):
            return None
        if process.alive(pid) and process.name_of(pid).rsplit("/", 1)[-1].startswith("postgres"):
            return pid
        return None

    def ready(self) -> bool:
        """Whether it accepts connections."""
        asked: list[str | Path] = [
            self.programs / "pg_isready",
            "-q",
            "-h",
            self.socket,
            "-p",
            str(PORT),
        ]
        return self.owner.run(*asked).returncode == 0

    def sql(self, statement: str, database: str = "postgres") -> str:
        """Run SQL as the superuser and return what psql prints; raises LocalError when it fails."""
        psql = self.programs / "psql"
        quiet = ["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"]
        where: list[str | Path] = [
            "-h",
            self.socket,
            "-p",
            str(PORT),
            "-U",
            SUPERUSER,
            "-d",
            database,
        ]
        done = self.owner.run(psql, *quiet, *where, "-f", "-", text=statement)
        if done.returncode:
            raise LocalError(f"PostgreSQL refused a statement: {done.stderr.strip()}")
        return done.stdout.strip()

    def start(self) -> None:
        """Start it unless it runs; makes the cluster and its database first."""
        with self._alone():
            if not (self.data / "ready").exists():
                self._initialize()
            elif self.pid() is None:
                self._launch()
            elif not process.wait(self.ready, START_SECONDS):
                raise LocalError(f"PostgreSQL runs but does not answer:\n{process.tail(self.log)}")

    def stop(self) -> None:
        """Stop it if it runs, in the fast way: clients are cut, data is flushed."""
        if pid := self.pid():
            process.stop(pid, signal.SIGINT)

    def kill(self) -> None:
        """End it with SIGKILL, as a crash does; `start` then recovers on the same data."""
        if pid := self.pid():
            process.kill(pid)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with (self.place / "postgres.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _initialize(self) -> None:
        self.stop()
        shutil.rmtree(self.data, ignore_errors=True)
        self.owner.own(self.data)
        self.owner.own(self.log.parent)
        locale = "C.UTF-8" if sys.platform == "linux" else "en_US.UTF-8"
        options = ["-U", SUPERUSER, "-A", "trust", "-E", "UTF8", f"--locale={locale}", "--no-sync"]
        done = self.owner.run(self.programs / "initdb", "-D", self.data, *options)
        if done.returncode:
            raise LocalError(f"initdb failed: {done.stderr.strip() or done.stdout.strip()}")
        self._launch()
        create = "".join(f"CREATE EXTENSION IF NOT EXISTS {name};" for name in EXTENSIONS)
        self.sql(create, "template1")
        self.sql(f"CREATE DATABASE {DATABASE}")
        (self.data / "ready").touch()

    def _launch(self) -> None:
        # A pid file that names a stranger's process would keep PostgreSQL from starting.
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        self.owner.own(self.log.parent)
        settings = SETTINGS | {"unix_socket_directories": str(self.socket)}
        if not self.durable:
            settings |= FORGETFUL
        options = [f"--{name}={value}" for name, value in settings.items()]
        command: list[str | Path] = [self.programs / "postgres", "-D", self.data, *options]
        server = process.launch(command, self.log, self.owner)
        process.await_ready(server, self.ready, self.log, START_SECONDS)


def postgres(folder: Path, *, durable: bool = True) -> Postgres:
    """The private cluster of a folder, not started; raises LocalError when PostGIS is missing."""
    owner = account()
    return Postgres(find(), home(folder.resolve(), owner), owner, durable)


def find() -> Path:
    """The program folder of the newest PostgreSQL that has PostGIS; raises LocalError if none."""
    found = installed()
    if not found:
        raise LocalError("PostgreSQL is not installed: run `make setup`.")
    for programs in found:
        if has_postgis(programs):
            return programs
    raise LocalError("PostgreSQL is here but PostGIS is not: run `make setup`.")


def installed() -> list[Path]:
    """The program folders of every usable PostgreSQL server, newest first."""
    places = [path / "bin" for path in Path("/usr/lib/postgresql").glob("*")]
    if on_path := shutil.which("postgres"):
        places.append(Path(on_path).resolve().parent)
    versions = [(version_of(place), place) for place in places if (place / "initdb").exists()]
    usable = {place: version for version, place in versions if version >= OLDEST_VERSION}
    return sorted(usable, key=lambda place: usable[place], reverse=True)


def version_of(programs: Path) -> int:
    """The major version of a PostgreSQL, 0 when it does not say."""
    command = [str(programs / "postgres"), "--version"]
    said = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    number = re.search(r"(\d+)", said)
    return int(number[1]) if number else 0


def has_postgis(programs: Path) -> bool:
    """Whether this PostgreSQL can `CREATE EXTENSION postgis`."""
    command = [str(programs / "pg_config"), "--sharedir"]
    said = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    return Path(said.strip(), "extension", "postgis.control").exists()
