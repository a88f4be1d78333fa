"""`make run`: runs all processes of a local store until Ctrl-C."""

import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from local import process, valkey
from local.errors import LocalError
from local.place import Place
from local.postgres import postgres

DEFAULT_PORT = 8000
READY_SECONDS = 60.0
WATCH_SECONDS = 0.25
ANSWER_SECONDS = 2.0
ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
WEBHOOK_PATH = "/webhooks/stripe"
MAILBOX = "MAILBOX_URL"


@dataclass(slots=True)
class StoreProcesses:
    """The processes of one running store."""

    place: Place
    python: Path
    port: int
    simulates: frozenset[str]  # the external providers that simulators replace
    environment: dict[str, str]
    children: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    stops: list[Callable[[], None]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def log(self, name: str) -> Path:
        return self.place.logs / f"{name}.log"

    def launch(self, name: str, *arguments: str) -> None:
        """Start `python -m …` in the background, its output in a log of its own."""
        say(f"starting {name}")
        command = [str(self.python), "-m", *arguments]
        with self.log(name).open("wb") as out:
            self.children[name] = subprocess.Popen(
                command,
                cwd=self.place.root,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        pids = {one: child.pid for one, child in self.children.items()}
        ours = {k: v for k, v in self.environment.items() if os.environ.get(k) != v}
        self.place.remember(ours | {"DARKSTORE_URL": self.url}, pids)

    def finish(self, what: str, *arguments: str) -> None:
        """Run `python -m …` to its end; raises LocalError when it fails."""
        say(what)
        command = [str(self.python), "-m", *arguments]
        done = subprocess.run(command, cwd=self.place.root, env=self.environment, check=False)
        if done.returncode:
            raise LocalError(f"{what} failed: `{' '.join(arguments)}` says why above.")

    def check(self) -> None:
        """Raise LocalError when a child has ended."""
        for name, child in self.children.items():
            if (status := child.poll()) is not None:
                raise LocalError(
                    f"The {name} ended with status {status}; the end of {self.log(name)}:\n"
                    f"{process.tail(self.log(name))}"
                )

    def await_ready(self) -> None:
        """Wait until the server says that it is ready; raises LocalError when it does not."""
        end = time.monotonic() + READY_SECONDS
        while not _answers(f"{self.url}/readyz"):
            self.check()
            if time.monotonic() > end:
                raise LocalError(
                    f"The server was not ready after {READY_SECONDS:.0f} s; the end of its log:\n"
                    f"{process.tail(self.log('server'))}"
                )
            time.sleep(WATCH_SECONDS / 5)

    def stop(self) -> None:
        """Stop everything that was started, the newest first."""
        for name, child in reversed(self.children.items()):
            if child.poll() is None:
                say(f"stopping {name}")
                process.stop(child.pid, signal.SIGTERM)
        for stop in reversed(self.stops):
            stop()


def run(root: Path, python: Path, given: Mapping[str, str]) -> None:
    """Run the store until a signal comes; raises LocalError when a part of it fails."""
    began = time.monotonic()
    handle_signals()
    place = Place(root)
    with place.held():
        terminate(place.orphans())
        store = StoreProcesses(place, python, _port(given), simulated_providers(given), dict(given))
        try:
            prepare(store, given)
            serve(store)
            store.await_ready()
            say(f"ready in {time.monotonic() - began:.1f} s")
            store.finish("how to get in:", "server", "welcome", *addresses(store))
            while True:
                store.check()
                time.sleep(WATCH_SECONDS)
        except KeyboardInterrupt:
            print(flush=True)
        finally:
            for one in ENDS:
                signal.signal(one, signal.SIG_IGN)
            store.stop()
            say("stopped")


def addresses(store: StoreProcesses) -> list[str]:
    """The options of the command that prints where everything is."""
    options = ["--url", store.url]
    if "smtp" in store.simulates:
        options += ["--mails", store.environment[MAILBOX]]
    if "twilio" in store.simulates:
        options += ["--texts", store.environment["SMS_API_BASE"] + "/_control/messages"]
    if "stripe" in store.simulates:
        options += ["--payments", store.environment["STRIPE_API_BASE"]]
    return options


def stop(root: Path) -> None:
    """Stop the store of this working copy and its private servers, even after a crash.

    Leaves the servers of test runs alone, which stop them themselves.
    """
    place = Place(root)
    if supervisor := place.supervisor():
        process.stop(supervisor, signal.SIGTERM)
    terminate(place.orphans())
    folder = place.folder
    if (folder / "postgres").exists() or (folder / "home").exists():
        postgres(folder).stop()
    if (folder / "valkey.pid").exists():
        valkey.valkey(folder).stop()


def prepare(store: StoreProcesses, given: Mapping[str, str]) -> None:
    """Bring up both databases, the schema and the data."""
    environment = store.environment
    environment.setdefault("DARKSTORE_ENV", "development")
    environment.setdefault("DARKSTORE_KEYS_FILE", str(store.place.folder / "keys.json"))
    environment.setdefault("DARKSTORE_DRAIN_SECONDS", "1")
    environment.setdefault("DARKSTORE_APP_URL", store.url)
    environment.setdefault("DARKSTORE_WEBHOOK_ALLOW", "127.0.0.1:9000,localhost:9000")
    environment["PYTHONUNBUFFERED"] = "1"
    for provider in store.simulates:
        environment |= SETTINGS[provider](store.place)
    if url := given.get("DATABASE_URL"):
        environment["DATABASE_URL"] = _with_driver(url)
    else:
        say("starting PostgreSQL")
        database = postgres(store.place.folder)
        store.stops.append(database.stop)
        database.start()
        environment["DATABASE_URL"] = database.url()
    if not given.get("REDIS_URL"):
        say("starting Valkey")
        hints = valkey.valkey(store.place.folder)
        store.stops.append(hints.stop)
        hints.start()
        environment["REDIS_URL"] = hints.url
    store.finish("migrating", "server", "migrate")
    store.finish("seeding", "server", "seed")


def serve(store: StoreProcesses) -> None:
    """Start the payment simulator if it is ours to start, the server and the worker."""
    if "stripe" in store.simulates:
        port = store.environment["STRIPE_API_BASE"].rsplit(":", 1)[1]
        options = ["--port", port, "--state", str(store.place.folder / "stripe.sqlite")]
        options += ["--key", store.environment["STRIPE_API_KEY"]]
        options += ["--secret", store.environment["STRIPE_WEBHOOK_SECRET"]]
        webhook = store.url + WEBHOOK_PATH
        store.launch("stripe", "simulators.stripe", *options, "--webhook", webhook)
    if "twilio" in store.simulates:
        port = store.environment["SMS_API_BASE"].rsplit(":", 1)[1]
        options = ["--port", port, "--account", store.environment["SMS_ACCOUNT"]]
        store.launch(
            "twilio", "simulators.twilio", *options, "--token", store.environment["SMS_TOKEN"]
        )
    if "smtp" in store.simulates:
        options = ["--port", store.environment["SMTP_PORT"]]
        options += ["--web-port", store.environment[MAILBOX].rsplit(":", 1)[1]]
        store.launch("smtp", "simulators.smtp", *options)
    store.launch("server", "server", "serve", "--port", str(store.port))
    store.launch("worker", "server", "worker")


def _payments(place: Place) -> dict[str, str]:
    """The settings of a payment provider that runs beside the server."""
    key = place.secret("stripe_key")
    return {
        "STRIPE_API_BASE": f"http://127.0.0.1:{valkey.free_port()}",
        "STRIPE_API_KEY": f"sk_test_{key}",
        "STRIPE_PUBLISHABLE_KEY": f"pk_test_{key}",
        "STRIPE_WEBHOOK_SECRET": f"whsec_{place.secret('stripe_webhook')}",
    }


def _messages(place: Place) -> dict[str, str]:
    """The settings of a text message provider that runs beside the server."""
    return {
        "SMS_API_BASE": f"http://127.0.0.1:{valkey.free_port()}",
        "SMS_ACCOUNT": f"AC{place.secret('sms_account')[:32]:0<32}",
        "SMS_TOKEN": place.secret("sms_token"),
    }


def _mails(place: Place) -> dict[str, str]:
    """The settings of a mail server that runs beside the server, and its mailbox."""
    return {
        "SMTP_HOST": "127.0.0.1",
        "SMTP_PORT": str(valkey.free_port()),
        "SMTP_FROM": "shop@darkstore.example",
        "SMTP_SECURITY": "off",
        MAILBOX: f"http://127.0.0.1:{valkey.free_port()}",
    }


SETTINGS: dict[str, Callable[[Place], dict[str, str]]] = {
    "stripe": _payments,
    "twilio": _messages,
    "smtp": _mails,
}
OURS_UNLESS_SET = {"stripe": "STRIPE_API_KEY", "twilio": "SMS_ACCOUNT", "smtp": "SMTP_HOST"}


def simulated_providers(given: Mapping[str, str]) -> frozenset[str]:
    """Return the external providers for which no account is configured."""
    return frozenset(name for name, setting in OURS_UNLESS_SET.items() if not given.get(setting))


def _with_driver(url: str) -> str:
    """Add the driver to a database URL, because hosting services omit it."""
    scheme, _, rest = url.partition("://")
    return f"postgresql+asyncpg://{rest}" if scheme in ("postgres", "postgresql") else url


def _port(given: Mapping[str, str]) -> int:
    text = given.get("PORT") or str(DEFAULT_PORT)
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise LocalError(f"PORT is {text!r}: it must be a number from 1 to 65535.")
    if not valkey.free(int(text)):
        raise LocalError(f"Port {text} is taken: end what listens there, or `make run PORT=8001`.")
    return int(text)


def terminate(pids: Mapping[str, int]) -> None:
    """Stop processes that an earlier supervisor has left behind."""
    for name, pid in pids.items():
        say(f"stopping the {name} that was left behind")
        process.stop(pid, signal.SIGTERM)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=ANSWER_SECONDS) as answer:  # noqa: S310 - our own http address
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError):
        return False


def handle_signals() -> None:
    """Handle all termination signals like Ctrl-C."""

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    for one in ENDS:
        signal.signal(one, interrupt)


def say(text: str) -> None:
    """Print a status line."""
    print(f"darkstore: {text}", flush=True)
