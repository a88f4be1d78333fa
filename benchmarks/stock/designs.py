"""Three ways to reserve units: the batcher, one guarded statement, and locking before writing.

All of them write the same rows under the same role and policies, and wait for the disk. Only the
batcher also numbers and stores the event that clients of the store receive.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Protocol
from uuid import UUID

import asyncpg

from benchmarks.stock.place import Place
from database.base import uuid7
from database.connections import scope_statement
from database.scope import PLATFORM
from database.sessions import APPLICATION_ROLE, SERVER_SETTINGS, Database
from services.stock.reservation_decisions import ReservationSuccess
from tests.support.server.databases import superuser
from workflows.stock.reservation_batcher import ReservationBatcher

POOL = 20
"""Connections of a process: as many as the product's own pool has."""

HOLD_SECONDS = 600.0
Units = Mapping[UUID, int]

# A cart locks its rows in order, so that two of them can't wait for each other.
HOLD_FUNCTION = """
create or replace function bench_hold(
    buyer uuid, place uuid, company uuid, wanted uuid[], counts int[], seconds float8
) returns bool language plpgsql as $$
declare taken int;
begin
    if array_length(wanted, 1) > 1 then
        perform from stock where store_id = place and product_id = any (wanted)
            order by product_id for no key update;
    end if;
    update stock s set reserved = reserved + one.units, version = version + 1
        from unnest(wanted, counts) as one (product, units)
        where s.store_id = place and s.product_id = one.product
            and s.on_hand - s.reserved >= one.units;
    get diagnostics taken = row_count;
    if taken < array_length(wanted, 1) then
        raise exception 'short' using errcode = 'P0001';
    end if;
    insert into hold (order_id, store_id, product_id, company_id, quantity, status, expires_at)
        select buyer, place, product, company, units, 'HELD',
            clock_timestamp() + make_interval(secs => seconds)
        from unnest(wanted, counts) as one (product, units);
    return true;
end $$
"""
LOCK = """
select product_id, on_hand - reserved from stock where store_id = $1 and product_id = any ($2)
order by product_id for update
"""
UPDATE_HELD = """
update stock s set reserved = reserved + one.units, version = version + 1
from unnest($2::uuid[], $3::int[]) as one (product, units)
where s.store_id = $1 and s.product_id = one.product
"""
INSERT_HOLDS = """
insert into hold (order_id, store_id, product_id, company_id, quantity, status, expires_at)
select $1, $2, product, $3, units, 'HELD', clock_timestamp() + make_interval(secs => $6)
from unnest($4::uuid[], $5::int[]) as one (product, units)
"""


class Design(Protocol):
    """A way to hold all of some units for one order, or nothing."""

    deadlocks: int

    async def hold(self, wanted: Units) -> bool: ...


class BatcherDesign:
    """The reservation batcher of the product."""

    def __init__(self, place: Place, reservation_queue: ReservationBatcher) -> None:
        self._place = place
        self._batcher = reservation_queue
        self.deadlocks = 0

    async def hold(self, wanted: Units) -> bool:
        where = (self._place.company, self._place.store)
        answer = await self._batcher.reserve(*where, uuid7(), wanted, HOLD_SECONDS)
        return isinstance(answer, ReservationSuccess)

    @property
    def requests_per_batch(self) -> float:
        counters = self._batcher.counters
        return counters.requests / max(1, counters.batches)


class OneStatement:
    """One guarded UPDATE and its holds in one statement, a transaction for each request."""

    def __init__(self, place: Place, pool: Any) -> None:
        self._place = place
        self._pool = pool
        self.deadlocks = 0

    async def hold(self, wanted: Units) -> bool:
        place, keys = self._place, list(wanted)
        given = (place.store, place.company, keys, [wanted[key] for key in keys], HOLD_SECONDS)
        while True:
            try:
                call = "select bench_hold($1, $2, $3, $4, $5, $6)"
                return bool(await self._pool.fetchval(call, uuid7(), *given))
            except asyncpg.RaiseError:
                return False
            except asyncpg.DeadlockDetectedError:
                self.deadlocks += 1


class LockFirst:
    """SELECT … FOR UPDATE, a decision in Python, then the writes: a transaction each."""

    def __init__(self, place: Place, pool: Any) -> None:
        self._place = place
        self._pool = pool
        self.deadlocks = 0

    async def hold(self, wanted: Units) -> bool:
        while True:
            try:
                async with self._pool.acquire() as connection, connection.transaction():
                    return await self._lock_and_hold(connection, wanted)
            except asyncpg.DeadlockDetectedError:
                self.deadlocks += 1

    async def _lock_and_hold(self, connection: Any, wanted: Units) -> bool:
        place, keys = self._place, list(wanted)
        units = [wanted[key] for key in keys]
        there = dict(map(tuple, await connection.fetch(LOCK, place.store, keys)))
        if any(there.get(key, 0) < wanted[key] for key in keys):
            return False
        await connection.execute(UPDATE_HELD, place.store, keys, units)
        given = (place.company, keys, units, HOLD_SECONDS)
        await connection.execute(INSERT_HOLDS, uuid7(), place.store, *given)
        return True


@asynccontextmanager
async def batcher_design(place: Place) -> AsyncIterator[BatcherDesign]:
    database = Database(place.url)
    reservation_queue = ReservationBatcher(database)
    reservation_queue.start()
    try:
        yield BatcherDesign(place, reservation_queue)
    finally:
        await reservation_queue.close()
        await database.close()


@asynccontextmanager
async def one_statement(place: Place) -> AsyncIterator[OneStatement]:
    async with superuser(place.url) as connection:
        await connection.execute(HOLD_FUNCTION)
    async with _pool(place) as pool:
        yield OneStatement(place, pool)


@asynccontextmanager
async def lock_first(place: Place) -> AsyncIterator[LockFirst]:
    async with _pool(place) as pool:
        yield LockFirst(place, pool)


@asynccontextmanager
async def _pool(place: Place) -> AsyncIterator[Any]:
    """Bare connections with the settings, the role and the policies of the product's own."""
    # A request that waits for a hot row is slow, not wrong: it is measured to its end.
    timeouts = {"statement_timeout": "60000", "lock_timeout": "60000"}

    async def enter(connection: Any) -> None:
        await connection.execute(scope_statement(PLATFORM, lasting=True))

    async def leave(connection: Any) -> None:
        """Skip the reset of the connection: there is nothing to undo."""

    async with asyncpg.create_pool(
        place.url.replace("+asyncpg", "", 1),
        min_size=POOL,
        max_size=POOL,
        init=enter,
        reset=leave,
        server_settings=SERVER_SETTINGS | timeouts | {"role": APPLICATION_ROLE},
    ) as pool:
        yield pool
