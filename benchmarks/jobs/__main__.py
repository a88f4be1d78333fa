"""The event log as a queue beside a queue of its own: `python -m benchmarks.jobs [--save]`.

One private, durable PostgreSQL. First what a unit of work costs that records an event: in a log
without the order of commits, in ours, and in one beside which each unit also enqueues a job as
PgQueuer 1.6 does it (a row, a row of its log, a statement trigger that notifies). Then how fast
events are put on their way to an endpoint, and how fast they get there, payloads included.
"""

import argparse
import asyncio
import json
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, cast

from sqlalchemy import text

from benchmarks.peers.report import RESULTS, machine
from benchmarks.stock.place import Place, open_stock_database
from database.audit import AuditContext
from database.scope import PLATFORM
from database.sessions import Database
from gateways.webhook import PublicWebhookClient
from jobs import integrations
from models.integrations import WebhookEndpoint
from resolvers.context import Container
from server.webhook_payloads import GraphPayloads
from services.events.event_log import inventory_stream, record_event
from services.integrations.webhook_signatures import new_nonce
from tests.support.server.databases import superuser
from tests.support.webhooks.receiver import run_receiver
from workflows.identity.authenticator import Authenticator

WRITERS = 8
UNITS = 2_000
SELECTION = "{ type sequence store { name } stockChanges { available product { name } } }"
WITHOUT_ORDER = "drop index ix_event_tx; alter table event drop column tx cascade"
QUEUE = """
create table job (id bigserial primary key, priority int not null, entrypoint text not null,
    payload bytea, status text not null, created timestamptz not null default now(),
    updated timestamptz not null default now(), execute_after timestamptz not null default now());
create index on job (priority asc, id desc) where status = 'queued';
create index on job (updated asc, id desc) where status = 'picked';
create table job_log (id bigserial primary key, created timestamptz not null default now(),
    job_id bigint not null, status text not null, entrypoint text not null, priority int not null);
create index on job_log (job_id); create index on job_log (created);
create function notify_jobs() returns trigger language plpgsql as
    $$ begin perform pg_notify('jobs', 'table_changed'); return null; end $$;
create trigger notify_jobs after insert on job for each statement execute function notify_jobs();
grant all on job, job_log to darkstore_app;
grant usage on all sequences in schema public to darkstore_app
"""
ENQUEUE = text(
    "with one as (insert into job (priority, entrypoint, payload, status)"
    " values (0, 'webhook', :payload, 'queued') returning id, entrypoint, priority)"
    " insert into job_log (job_id, status, entrypoint, priority)"
    " select id, 'queued', entrypoint, priority from one"
)


@dataclass(frozen=True, slots=True)
class Figures:
    """One design: units a second, and what each costs the database."""

    name: str
    units_per_second: float
    database_us: float

    def __str__(self) -> str:
        return f"{self.name:44}{self.units_per_second:>9,.0f}{self.database_us:>12,.0f}"


async def measure_recording(place: Place, name: str, units: int, *, enqueue: bool) -> Figures:
    """So many units of work by WRITERS at once, each on a stream of its own."""
    database = Database(place.url, pool_size=WRITERS)

    async def writer(nth: int) -> None:
        for number in range(units // WRITERS):
            async with database.write(PLATFORM, AuditContext("bench")) as session:
                body = {"number": number}
                record_event(session, f"bench:{nth}", "BENCH", body, company_id=place.company)
                if enqueue:
                    await session.execute(ENQUEUE, {"payload": b"{}"})

    began, used = time.monotonic(), place.database_seconds()
    await asyncio.gather(*(writer(nth) for nth in range(WRITERS)))
    took, spent = time.monotonic() - began, place.database_seconds() - used
    await database.close()
    return Figures(name, units / took, spent / units * 1e6)


async def designs(units: int) -> list[Figures]:
    """What recording costs, each design on a database of its own."""
    found = []
    kinds: list[tuple[str, str | None, bool]] = [
        ("log, no order of commits", WITHOUT_ORDER, False),
        ("log in the order of commits (ours)", None, False),
        ("log, and a queue of its own", f"{WITHOUT_ORDER};{QUEUE}", True),
    ]
    for name, change, enqueue in kinds:
        async with open_stock_database() as place:
            if change is not None:
                async with superuser(place.url) as connection:
                    await connection.execute(change)
            await measure_recording(place, name, units // 10, enqueue=enqueue)
            found.append(await measure_recording(place, name, units, enqueue=enqueue))
        print(found[-1], flush=True)
    return found


async def messages(count: int) -> dict[str, float]:
    """How many events a second are queued for an endpoint, and how many messages reach it."""
    async with open_stock_database() as place, run_receiver() as there:
        database = Database(place.url, pool_size=5)
        container = _container(place, database, PublicWebhookClient([there.address]))
        endpoint = WebhookEndpoint(
            company_id=place.company, name="There", url=there.url, event_types=["STOCK_CHANGED"],
            payload_selection=SELECTION, schema_version="", cost=1, preserve_order=False,
            nonce=new_nonce(),
        )  # fmt: skip
        async with database.write(PLATFORM, AuditContext("bench")) as session:
            session.add(endpoint)
        change = {"product_id": place.products[0], "on_hand": 9, "held": 0, "version": 1}
        body = {"changes": [{k: str(v) if k == "product_id" else v for k, v in change.items()}]}
        for _ in range(10):
            async with database.write(PLATFORM, AuditContext("bench")) as session:
                stream = inventory_stream(place.store)
                for _ in range(count // 10):
                    record_event(session, stream, "STOCK_CHANGED", body, company_id=place.company)
        queued = await _timed(lambda: integrations.fan_out(database))
        payloads = GraphPayloads(container)
        began, cpu = time.monotonic(), time.process_time()
        while (received := len(there.requests)) < count // 10 * 10:
            await integrations.deliver(database, container.webhooks, payloads)
            if len(there.requests) == received:
                raise SystemExit("jobs: a round of deliveries sent nothing; see webhook_attempt")
        took, spent = time.monotonic() - began, time.process_time() - cpu
        await container.webhooks.close()
        await database.close()
    return {
        "queued_per_second": round(count / queued),
        "sent_per_second": round(count / took),
        "sent_python_us": round(spent / count * 1e6),
    }


async def _timed(work: Callable[[], Any]) -> float:
    began = time.monotonic()
    await work()
    return time.monotonic() - began


def _container(place: Place, database: Database, webhooks: PublicWebhookClient) -> Container:
    nothing = cast(Any, None)
    identity = Authenticator(keys_file=place.server.place / "bench-keys.json", database=database)
    return Container(
        database=database, reservation_queue=nothing, positions=nothing, payments=nothing,
        sms=nothing, authenticator=identity, streams=nothing, files=nothing, webhooks=webhooks,
    )  # fmt: skip


async def main(given: argparse.Namespace) -> None:
    if given.short:
        given.units, given.save = WRITERS * 10, False
    print(f"{'a unit of work that records an event':44}{'units/s':>9}{'database us':>12}")
    found: dict[str, Any] = {"recording": [asdict(one) for one in await designs(given.units)]}
    found["webhooks"] = await messages(given.units)
    for name, value in found["webhooks"].items():
        print(f"webhooks {name.replace('_', ' '):35}{value:>9,.0f}")
    if given.save:
        saved = {"at": datetime.now(UTC).isoformat(), "machine": machine(), **found}
        (RESULTS / "jobs.json").write_text(json.dumps(saved, indent=2) + "\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.jobs")
    parser.add_argument(
        "--units", type=int, default=UNITS, help="units of work of each design, and messages"
    )
    parser.add_argument("--save", action="store_true", help="save the figures")
    parser.add_argument("--short", action="store_true", help="only check that it runs")
    with suppress(KeyboardInterrupt):
        asyncio.run(main(parser.parse_args()))
