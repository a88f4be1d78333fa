"""A whole store as `make run` starts it, in processes of its own that tests may kill."""

import json
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg

from database.scope import PLATFORM
from database.sessions import Database, Origin
from local import account, process
from local.instance import Instance
from local.place import Place
from local.postgres import postgres
from local.valkey import free, valkey
from models.accounts import Membership, Person
from models.identity import Actor, Grant, Role, SignInSession
from services.core.clock import moment
from tests.support.paths import ROOT
from workflows.identity.authenticator import Identity

READY_SECONDS = 60.0
PORTS = range(20_000, 32_000)  # below the ephemeral ones: nobody takes it while its owner is dead
SERVER = "server"
ORIGIN = Origin("test:town")
LOUD = re.compile(r"\S+ (ERROR|CRITICAL)")


def steady_port() -> int:
    """A free loopback port that no outgoing connection is ever given."""
    while not free(port := secrets.choice(PORTS)):
        pass
    return port


@dataclass
class Town:
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
    def graph(self) -> str:
        return f"{self.url}/graphql"

    @property
    def provider(self) -> str:
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
        """What local/run.py would set."""
        return {
            "PATH": os.environ["PATH"],
            "PYTHONUNBUFFERED": "1",
            "DARKSTORE_ENV": "development",
            "DARKSTORE_KEYS_FILE": str(self.keys_file),
            "DARKSTORE_DRAIN_SECONDS": str(self.drain_seconds),
            "DATABASE_URL": self.instance.database_url,
            "REDIS_URL": self.instance.redis_url,
            "STRIPE_API_BASE": self.provider,
            "STRIPE_API_KEY": self.secret_key,
            "STRIPE_PUBLISHABLE_KEY": self.publishable_key,
            "STRIPE_WEBHOOK_SECRET": f"whsec_{self.secret}",
        }

    def start(self) -> None:
        """Start everything on empty data and wait until the server is ready."""
        self.place.logs.mkdir(parents=True, exist_ok=True)
        self.instance.start()
        self._finish("server", "migrate")
        options = ["--port", str(self.provider_port), "--key", self.secret_key]
        options += ["--state", str(self.place.folder / "stripe.sqlite")]
        options += ["--secret", f"whsec_{self.secret}", "--webhook", f"{self.url}/webhooks/stripe"]
        self.launch("stripe", "simulators.stripe", *options)
        self.launch(SERVER, "server", "serve", "--port", str(self.port))
        self.launch("worker", "server", "worker")
        self.await_ready(SERVER, self.port)

    def launch(self, name: str, *command: str) -> None:
        """Start `python -m …`, or start it again as before; its output goes into its log."""
        self.commands[name] = list(command) or self.commands[name]
        with self.log(name).open("ab") as out:
            self.children[name] = subprocess.Popen(
                [sys.executable, "-m", *self.commands[name]],
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        self.place.remember({}, {one: child.pid for one, child in self.children.items()})

    def await_ready(self, name: str, port: int) -> None:
        """Wait until the server at a port says that it is ready."""
        end = time.monotonic() + READY_SECONDS
        while not _answers(f"http://127.0.0.1:{port}/readyz"):
            assert self.children[name].poll() is None, process.tail(self.log(name), 40)
            assert time.monotonic() < end, process.tail(self.log(name), 40)
            time.sleep(0.05)

    def crash(self, name: str) -> None:
        """End one part with SIGKILL and start it again on what it left behind."""
        match name:
            case "postgres":
                self.instance.kill_postgres()
                self.instance.start()
            case "valkey":
                self.instance.kill_redis()
                self.instance.start()
            case _:
                process.kill(self.children[name].pid)
                self.children[name].poll()
                self.launch(name)

    def end(self, name: str) -> None:
        """Ask one process to end, and wait until it has."""
        child = self.children[name]
        if child.poll() is None:
            process.stop(child.pid, signal.SIGTERM)
            child.poll()

    def stop(self) -> None:
        """Stop what was started, newest first, and forget the data."""
        for name in reversed(self.children):
            self.end(name)
        self.instance.stop()
        account.remove(self.place.root)

    def log(self, name: str) -> Path:
        return self.place.logs / f"{name}.log"

    def errors(self, name: str) -> str:
        """The records of its log at level ERROR, with their tracebacks."""
        records = re.split(r"^(?=\d{4}-\d\d-\d\dT)", self.log(name).read_text(), flags=re.MULTILINE)
        return "".join(one for one in records if LOUD.match(one))

    def database(self) -> Database:
        """Handles on its database, for building and looking."""
        url = self.instance.database_url
        return Database(url)

    async def rows(self, query: str, *values: object) -> list[asyncpg.Record]:
        """Ask the database as its owner, past every policy."""
        url = self.instance.database_url.replace("+asyncpg", "", 1)
        connection = await asyncpg.connect(url)
        try:
            return list(await connection.fetch(query, *values))
        finally:
            await connection.close()

    async def sign_in(self, database: Database, name: str, *grants: Grant) -> "Resident":
        """Somebody new with these roles, and an access token as the server would sign it."""
        async with database.write(PLATFORM, ORIGIN) as session:
            person = Person(name=name)
            session.add(person)
            await session.flush()
            session.add_all(
                Membership(
                    person_id=person.id,
                    role=one.role,
                    company_id=one.company_id,
                    store_id=one.store_id,
                )
                for one in grants
            )
            device = SignInSession(
                person_id=person.id, device="test", expires_at=await moment(session, 3600)
            )
            session.add(device)
        actor = Actor(person.id, device.id, grants)
        identity = Identity(keys_file=self.keys_file, database=database)
        return Resident(actor, identity.sign(actor)[0])

    async def customers(self, database: Database, count: int) -> "list[Resident]":
        """So many new customers."""
        return [
            await self.sign_in(database, f"Customer {n}", Grant(Role.CUSTOMER))
            for n in range(count)
        ]

    def _finish(self, *command: str) -> None:
        done = subprocess.run(
            [sys.executable, "-m", *command],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr


@dataclass(frozen=True)
class Resident:
    """Somebody of the town and their token."""

    actor: Actor
    token: str


def found(folder: Path) -> Town:
    """A town in a folder of its own, not started."""
    place = Place(folder)
    hints = valkey(folder / "valkey")
    hints.place.mkdir(parents=True)
    file = hints.place / "valkey.json"
    file.touch(mode=0o600)
    file.write_text(json.dumps({"port": steady_port(), "password": secrets.token_hex(16)}))
    return Town(
        place, Instance(postgres(folder, durable=True), hints), steady_port(), steady_port()
    )


def clear_away(folder: Path) -> None:
    """Stop what a killed test session left behind in a folder, and delete that."""
    for pid in Place(folder).orphans().values():
        process.stop(pid, signal.SIGTERM)
    Instance(postgres(folder), valkey(folder / "valkey")).stop()
    account.remove(folder)


def _answers(url: str) -> bool:
    with suppress(OSError, socket.timeout), urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 - our own http address
        return bool(answer.status == 200)
    return False
