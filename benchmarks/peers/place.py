"""The benchmark's own database: private, seeded like the store, filled with orders once."""

import os
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import UUID

import local

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".darkstore" / "bench"
WORLD = Path(__file__).parent / "world.sql"
DATABASE = "darkstore"
STORE = "select id from store where code = 'H01'"
POOL = 20
"""Connections a server may open: as many as ours."""

PREPARED = "BENCH_PREPARED"
"""Set where another benchmark of the same run has just migrated and seeded the database."""

BUDGET_PER_SECOND = 1_000_000
"""The ledger stays at work, but one caller may spend what thousands would."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where everything is, and whose orders are asked for."""

    instance: local.Instance
    customer: UUID
    order: UUID
    database: str = DATABASE

    @property
    def keys_file(self) -> Path:
        return FOLDER / "keys.json"

    def ours(self) -> dict[str, str]:
        """The settings of our server; the payment provider is not called by any query."""
        return settings(self.instance, self.database)

    def peers(self) -> dict[str, str]:
        """The same database for the others, as its owner: no policies, no roles."""
        postgres = self.instance.postgres
        return os.environ | {
            "BENCH_HOST": str(postgres.socket),
            "BENCH_PORT": "5432",
            "BENCH_USER": "darkstore",
            "BENCH_DATABASE": self.database,
            "BENCH_POOL": str(POOL),
            "NODE_ENV": "production",
        }


def settings(instance: local.Instance, database: str = DATABASE) -> dict[str, str]:
    """What our server reads from its environment."""
    return os.environ | {
        "DATABASE_URL": instance.postgres.url(database),
        "REDIS_URL": instance.redis_url,
        "DARKSTORE_ENV": "development",
        "DARKSTORE_KEYS_FILE": str(FOLDER / "keys.json"),
        "DARKSTORE_DRAIN_SECONDS": "1",
        "DARKSTORE_BUDGET_PER_SECOND": str(BUDGET_PER_SECOND),
        "STRIPE_API_KEY": "sk_test_bench",
        "STRIPE_API_BASE": "http://127.0.0.1:9",
        "STRIPE_WEBHOOK_SECRET": "whsec_bench",
    }


def open_place() -> Place:
    """Start the private servers, migrate and seed; the orders are made the first time only."""
    instance = local.start(FOLDER)
    if PREPARED not in os.environ:
        for command in ("migrate", "seed"):
            run_ours(command, settings(instance))
    postgres = instance.postgres
    if postgres.sql("select to_regproc('order_timeline') is null", "darkstore") == "t":
        store = postgres.sql(STORE, "darkstore")
        print("bench: making 4,000 orders", file=sys.stderr)
        world = f"begin;\n\\set store {store}\n{WORLD.read_text()}\ncommit;"
        postgres.sql(world, "darkstore")
    # The last order, because the benchmark of live streams uses the first ones.
    live = (
        "select customer_id, id from \"order\" where status = 'CONFIRMED' and code like 'B%'"
        " order by id desc limit 1"
    )
    customer, order = postgres.sql(live, "darkstore").split("|")
    return Place(instance, UUID(customer), UUID(order))


def copied(place: Place, name: str) -> Place:
    """The same servers with a copy of the database, which is made once and then migrated."""
    postgres = place.instance.postgres
    if name in postgres.sql("select datname from pg_database").split():
        run_ours("migrate", settings(place.instance, name))
    else:
        postgres.sql(f"create database {name} template {place.database}")
    return replace(place, database=name)


def run_ours(command: str, environment: dict[str, str]) -> None:
    """One command of our server to its end."""
    subprocess.run(
        [sys.executable, "-m", "server", command],
        cwd=ROOT,
        env=environment,
        check=True,
        stdout=sys.stderr,
    )
