"""Each process is killed and the provider fails while customers order: no paid order is lost.

`make crash ORDERS=200 SEED=1` runs the long form and prints its figures.
"""

import asyncio
import os
import random
import re
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import aiohttp
import pytest

from tests.support.city import City
from tests.support.faults.consistency_checks import find_inconsistencies
from tests.support.faults.crowd import Crowd, create_crowd
from tests.support.faults.process_group import SERVER, ServerGroup
from tests.support.faults.running_audit import open_audit
from tests.support.faults.shoppers import ShoppingLog
from tests.support.waiting import until

ORDERS = int(os.environ.get("ORDERS", "24"))
SEED = int(os.environ.get("SEED", "1"))
ORDERS_PER_CRASH = 13
PARTS = (SERVER, "valkey", "postgres", "worker")
RUN_SECONDS = 800.0
MIN_AUDITS = 3
# The control: inconsistencies written afterwards, which the check must report.
# Each change has an order of its own, so that it is there in every run.
TAMPER = """
with served as (select o.id, row_number() over (
            order by p.captured_amount_minor - p.refunded_amount_minor desc, o.id) as place
        from "order" o join payment p on p.order_id = o.id and p.is_current
        where o.company_id = $1 and o.status in ('CONFIRMED', 'COMPLETED')),
    lost as (update "order" set status = 'EXPIRED'
        where id = (select id from served where place = 1)),
    gap as (update stream set seq = seq + 1
        where stream = (select 'order:' || id from served where place = 1)),
    counter as (update stock set reserved = reserved + 1
        where company_id = $1 and on_hand > reserved),
    told as (update ticket set status = 'RESOLVED'
        where order_id in (select id from served where place in (2, 3))),
    unpaid as (update "order" set status = 'COMPLETED'
        where id = (select id from served where place = 2)),
    amounts as (update payment
        set captured_amount_minor = case when captured_amount_minor > 1 then captured_amount_minor
        - 1 else 1 end,
            refunded_amount_minor = case when refunded_amount_minor > 0 then refunded_amount_minor
            - 1 else 1 end
        where is_current and order_id = (select id from served where place = 2)),
    voided as (update payment set status = 'VOIDED'
        where is_current and order_id = (select id from served where place = 3))
select count(*) from served
"""
TAMPERED_KINDS = {
    "paid and lost", "stream", "stock", "handed over unpaid", "other captured amount",
    "voided and served", "units", "refunds differ",
}  # fmt: skip
REOPENED = """
select status, count(*) from "order" o where company_id = $1 and exists (select from event e
    where e.stream = 'order:' || o.id and e.type = 'PAYMENT_REOPENED') group by status
"""
OUTCOMES = ("paid", "canceled", "abandoned")


@dataclass
class CrashSchedule:
    """Kills one process after the other, at seeded points between the first and the last order."""

    servers: ServerGroup
    rng: random.Random
    crashes: list[tuple[str, float]] = field(default_factory=list)

    async def run(self, log: ShoppingLog, orders: int) -> None:
        count = max(len(PARTS), orders // ORDERS_PER_CRASH)
        points = sorted(self.rng.sample(range(1, orders * 9 // 10), count))
        for number, point in enumerate(points):
            finished = partial(lambda count: log.finished_count >= count, point)
            await until(finished, RUN_SECONDS, f"checkout {point}")
            await asyncio.sleep(self.rng.uniform(0, 0.2))
            name = PARTS[number % len(PARTS)]
            started_at = time.monotonic()
            await asyncio.to_thread(self.servers.kill_and_restart, name)
            self.crashes.append((name, time.monotonic() - started_at))


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_no_paid_order_is_lost_and_nothing_is_charged_or_refunded_twice(
    servers: ServerGroup, own_city: City, http: aiohttp.ClientSession
) -> None:
    """Each process is killed while the provider goes out, refuses captures and ends holds."""
    schedule = CrashSchedule(servers, random.Random(SEED))
    database = servers.open_database()
    crowd = await create_crowd(servers, database, own_city, http, SEED)
    await database.close()
    log, started_at = crowd.log, time.monotonic()
    async with open_audit(servers, own_city.company.id) as audit, crowd.at_work(audit.run):
        crashes = asyncio.create_task(schedule.run(log, ORDERS))
        await crowd.check_out_all(ORDERS)
        await crashes
        await crowd.lose_two_authorizations()
        checkout_seconds = time.monotonic() - started_at
        await crowd.settle()
    database = servers.open_database()
    company_id = own_city.company.id
    checked = servers, crowd.provider, database, log, company_id
    problems = await find_inconsistencies(*checked)
    reopened = await servers.fetch(REOPENED, company_id)
    [(served_count,)] = await servers.fetch(TAMPER, company_id)
    reported = await find_inconsistencies(*checked)
    await database.close()
    settle_seconds = time.monotonic() - started_at - checkout_seconds
    print(figures(crowd, schedule, checkout_seconds, settle_seconds, reopened))
    assert not problems, "\n".join(problems)
    assert audit.run_count > MIN_AUDITS
    assert not audit.differences, audit.report()
    assert served_count >= 3
    assert {problem.split(":")[0] for problem in reported} >= TAMPERED_KINDS, reported
    assert {name for name, _ in schedule.crashes} == set(PARTS)
    assert {row["status"] for row in reopened} >= {"CANCELED"}, "no reopened payment was given up"
    assert log.paid_again, "no reopened payment was confirmed"
    assert not [failure for failure in log.failures if "JSONDecodeError" in failure]
    for name in (SERVER, "worker"):
        assert not (errors := servers.errors(name)), errors


def figures(
    crowd: Crowd,
    schedule: CrashSchedule,
    checkout_seconds: float,
    settle_seconds: float,
    reopened: Sequence[Mapping[str, Any]],
) -> str:
    """Summarize a run for `make crash`."""
    log = crowd.log
    paid, canceled, abandoned = (
        sum(getattr(checkout, outcome) for checkout in log.checkouts) for outcome in OUTCOMES
    )
    crashes = ", ".join(f"{name} ({seconds:.1f} s)" for name, seconds in schedule.crashes)
    ends = ", ".join(f"{row['count']} {row['status']}" for row in reopened)
    outages = ", ".join(f"{seconds:.1f} s" for seconds in crowd.outages.outages)
    lines = [
        f"{len(log.checkouts)} checkouts in {checkout_seconds:.0f} s",
        f"settled {settle_seconds:.0f} s later",
        f"paid {paid}, canceled {canceled}, abandoned {abandoned}, packed {log.packed_count}",
        f"handed over {log.delivered_count}",
        f"by support: {log.refunds.total()} refunded in part, {len(log.canceled_by_support)} ended",
        f"payments reopened: {ends}; confirmed again: {len(log.paid_again)}",
        f"killed: {crashes}",
        f"the provider was out: {outages}",
        f"{len(log.failures)} requests failed or were refused temporarily, and were repeated:",
        *(f"  {count:>5} {code}" for code, count in Counter(map(kind, log.failures)).items()),
        *log.tally.rows(),
    ]
    return "\n".join(lines)


def kind(failure: str) -> str:
    """Return the stable part of a failure: its code, or the name of the connection's error."""
    match = re.search(r"'code': '(\w+)'|(\w+)\(", failure)
    return (match[1] or match[2]) if match else failure
