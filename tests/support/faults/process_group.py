"""A whole deployment as `make run` starts it, in processes that tests may kill."""

import json
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import urllib.request
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg

from database.audit import AuditContext
from database.scope import PLATFORM
from database.sessions import Database
from local import account, process
from local.instance import Instance
from local.place import Place
from local.postgres import postgres
from local.valkey import free, valkey
from models.accounts import Membership, User
from models.identity import Actor, Grant, Role, SignInSession
from services.core.clock import current_time
from tests.support.paths import ROOT
from tests.support.waiting import until_blocking
from workflows.identity.authenticator import Authenticator

READY_SECONDS = 60.0
PORTS = range(20_000, 32_000)  # below the ephemeral ports: stays free while its server is down
SERVER = "server"
ORIGIN = AuditContext("test:city")
RECORD_START = re.compile(r"^(?=\d{4}-\d\d-\d\dT)", re.MULTILINE)
ERROR_RECORD = re.compile(r"\S+ (ERROR|CRITICAL)")
# A few customers place all orders from one address, and payments stay open while processes are
# down: the limits of unpaid orders would refuse them. They have tests of their own.
NO_UNPAID_LIMITS = {
    "DARKSTORE_UNPAID_ORDERS": "1000",
    "DARKSTORE_UNPAID_ORDERS_NETWORK": "10000",
    "DARKSTORE_UNPAID_UNITS": "10000",
    "DARKSTORE_UNPAID_UNITS_NETWORK": "10000",
    "DARKSTORE_UNPAID_SHARE": "100",
}


def steady_port() -> int:
    """Return a free loopback port that is never assigned to an outgoing connection."""
    while not free(port := secrets.choice(PORTS)):
        pass
    return port


@dataclass
class ServerGroup:
    """PostgreSQL, Valkey, the payment simulator, the server and the worker, by name."""

    place: Place
    instance: Instance
    port: int
    provider_port: int
    secret: str = field(default_factory=lambda: secrets.token_hex(16))
    drain_seconds: float = 1
    children: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    commands: dict[str, list[str]] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def graph_url(self) -> str:
        return f"{self.url}/graphql"

    @property
    def provider_url(self) -> str:
        return f"http://127.0.0.1:{self.provider_port}"

    @property
    def secret_key(self) -> str:
        return f"sk_test_{self.secret}"

    @property
    def publishable_key(self) -> str:
        return f"pk_test_{self.secret}"

    @property
    def keys_file(self) -> Path:
        return self.place.folder / "keys.json"

    @property
    def environment(self) -> dict[str, str]:
        """The environment that local/run.py would set."""
        return {
            "PATH": os.environ["PATH"],
            "PYTHONUNBUFFERED": "1",
            "DARKSTORE_ENV": "development",
            "DARKSTORE_KEYS_FILE": str(self.keys_file),
            "DARKSTORE_DRAIN_SECONDS": str(self.drain_seconds),
            "DATABASE_URL": self.instance.database_url,
            "REDIS_URL": self.instance.redis_url,
            "STRIPE_API_BASE": self.provider_url,
            "STRIPE_API_KEY": self.secret_key,
            "STRIPE_PUBLISHABLE_KEY": self.publishable_key,
            "STRIPE_WEBHOOK_SECRET": f"whsec_{self.secret}",
            # A few callers send what a city does.
            "DARKSTORE_BUDGET_PER_SECOND": "1000000",
            **NO_UNPAID_LIMITS,
        }

    def start(self) -> None:
        """Start all processes on an empty database and wait until the server is ready."""
        self.place.logs.mkdir(parents=True, exist_ok=True)
        self.instance.start()
        self._run_to_completion("server", "migrate")
        options = ["--port", str(self.provider_port), "--key", self.secret_key]
        options += ["--state", str(self.place.folder / "stripe.sqlite")]
        options += ["--secret", f"whsec_{self.secret}", "--webhook", f"{self.url}/webhooks/stripe"]
        self.launch("stripe", "simulators.stripe", *options)
        self.launch(SERVER, "server", "serve", "--port", str(self.port))
        self.launch("worker", "server", "worker")
        self.wait_until_ready(SERVER, self.port)

    def launch(self, name: str, *command: str) -> None:
        """Start `python -m …`, or restart it with its last command; its output goes to its log."""
        self.commands[name] = list(command) or self.commands[name]
        with self.log_file(name).open("ab") as out:
            self.children[name] = subprocess.Popen(
                [sys.executable, "-m", *self.commands[name]],
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        self.place.remember({}, {child: popen.pid for child, popen in self.children.items()})

    def wait_until_ready(self, name: str, port: int) -> None:
        """Wait until the server at a port reports that it is ready."""
        url = f"http://127.0.0.1:{port}/readyz"

        def ready() -> bool:
            assert self.children[name].poll() is None, process.tail(self.log_file(name), 40)
            return _responds(url)

        try:
            until_blocking(ready, READY_SECONDS, f"the readiness of {name}", poll_seconds=0.05)
        except TimeoutError as error:
            error.add_note(process.tail(self.log_file(name), 40))
            raise

    def wait_for_servers(self) -> None:
        """Wait until every server that was started is ready."""
        for name, command in self.commands.items():
            if "serve" in command and self.children[name].poll() is None:
                self.wait_until_ready(name, int(command[command.index("--port") + 1]))

    def kill_and_restart(self, name: str) -> None:
        """Kill a process with SIGKILL and restart it on the data it left behind."""
        match name:
            case "postgres":
                # A server that starts without a database ends; no supervisor starts it again here.
                self.wait_for_servers()
                self.instance.kill_postgres()
                self.instance.start()
            case "valkey":
                self.instance.kill_redis()
                self.instance.start()
            case _:
                process.kill(self.children[name].pid)
                self.children[name].poll()
                self.launch(name)

    def terminate(self, name: str) -> None:
        """Send SIGTERM to a process and wait until it has ended."""
        child = self.children[name]
        if child.poll() is None:
            process.stop(child.pid, signal.SIGTERM)
            child.poll()

    def stop(self) -> None:
        """Stop all processes, newest first, and delete the data."""
        for name in reversed(self.children):
            self.terminate(name)
        self.instance.stop()
        account.remove(self.place.root)

    def log_file(self, name: str) -> Path:
        return self.place.logs / f"{name}.log"

    def errors(self, name: str, since: int = 0) -> str:
        """Return the ERROR and CRITICAL records of a process's log, with their tracebacks.

        Without those that begin in its first `since` bytes.
        """
        with self.log_file(name).open("rb") as log:
            log.seek(since)
            records = RECORD_START.split(log.read().decode())
        return "".join(record for record in records if ERROR_RECORD.match(record))

    def open_database(self) -> Database:
        """Connect to the database."""
        return Database(self.instance.database_url)

    async def fetch(self, query: str, *values: object) -> list[asyncpg.Record]:
        """Run a query as the database owner, which row-level security does not restrict."""
        connection = await self.connect()
        try:
            return list(await connection.fetch(query, *values))
        finally:
            await connection.close()

    async def connect(self) -> asyncpg.Connection:
        """Connect as the database owner."""
        return await asyncpg.connect(self.instance.database_url.replace("+asyncpg", "", 1))

    async def sign_in(self, database: Database, name: str, *grants: Grant) -> "SignedInUser":
        """Create a user with these roles and an access token as the server would sign it."""
        async with database.write(PLATFORM, ORIGIN) as session:
            person = User(name=name)
            session.add(person)
            await session.flush()
            session.add_all(
                Membership(
                    person_id=person.id,
                    role=grant.role,
                    company_id=grant.company_id,
                    store_id=grant.store_id,
                )
                for grant in grants
            )
            sign_in_session = SignInSession(
                person_id=person.id, device="test", expires_at=await current_time(session, 3600)
            )
            session.add(sign_in_session)
        actor = Actor(person.id, sign_in_session.id, grants)
        identity = Authenticator(keys_file=self.keys_file, database=database)
        return SignedInUser(actor, identity.sign(actor)[0])

    async def sign_in_customers(self, database: Database, count: int) -> "list[SignedInUser]":
        """Create `count` customers."""
        return [
            await self.sign_in(database, f"Customer {n}", Grant(Role.CUSTOMER))
            for n in range(count)
        ]

    def _run_to_completion(self, *command: str) -> None:
        completed = subprocess.run(
            [sys.executable, "-m", *command],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert completed.returncode == 0, completed.stderr


@dataclass(frozen=True)
class SignedInUser:
    """A user and an access token."""

    actor: Actor
    token: str


def new_server_group(folder: Path) -> ServerGroup:
    """Create a server group in a folder of its own; does not start it."""
    place = Place(folder)
    valkey_server = valkey(folder / "valkey")
    valkey_server.place.mkdir(parents=True)
    file = valkey_server.place / "valkey.json"
    file.touch(mode=0o600)
    file.write_text(json.dumps({"port": steady_port(), "password": secrets.token_hex(16)}))
    return ServerGroup(
        place, Instance(postgres(folder, durable=True), valkey_server), steady_port(), steady_port()
    )


def remove_leftovers(folder: Path) -> None:
    """Stop the processes that a killed test session left in a folder, and delete the folder."""
    for pid in Place(folder).orphans().values():
        process.stop(pid, signal.SIGTERM)
    Instance(postgres(folder), valkey(folder / "valkey")).stop()
    account.remove(folder)


def _responds(url: str) -> bool:
    with suppress(OSError, socket.timeout), urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 - a loopback address
        return bool(answer.status == 200)
    return False
