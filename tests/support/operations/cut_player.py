"""Plays operations whose database goes away in the middle, and repeats them as clients do."""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from zlib import crc32

from sqlalchemy import text

from database.base import uuid7
from database.scope import PLATFORM
from execution import Answer
from services.core.transient_errors import is_transient
from tests.support.graph_queries import watch_statements
from tests.support.operations.player import Operation, OperationPlayer

# A client may repeat these freely: they take no idempotency key.
WITHOUT_KEY = frozenset({"order_payment_refresh", "rider_location_report"})
TRANSIENT = frozenset({"UNAVAILABLE"})
MAX_REPEATS = 100
PAUSE_SECONDS = 0.05
FIRST_STATEMENTS = 3
LATER_STATEMENTS = 12
BACKENDS = text(
    "select pid from pg_stat_activity where datname = current_database() and usename is not null"
)
Ask = Callable[[], Awaitable[Answer]]


@dataclass
class CutPlayer(OperationPlayer):
    """Cuts every connection to PostgreSQL during each mutation, then repeats it with its key.

    The cut is before a statement that differs with each call of an operation. What is answered by
    then is a transient error or the result; the answer to a repetition has no second effect, and
    neither has one more of it. `done` counts the mutations by operation, `cuts` those that were
    cut, `unanswered` those that got an error then.
    """

    cuts: Counter[str] = field(default_factory=Counter)
    done: Counter[str] = field(default_factory=Counter)
    unanswered: Counter[str] = field(default_factory=Counter)

    async def __call__(self, who: str, name: str, /, **given: Any) -> Any:
        operation = Operation(name)
        if name in WITHOUT_KEY or "\nmutation " not in operation.document:
            return await super().__call__(who, name, **given)
        self.done[name] += 1
        ask = partial(
            self.clients[who].answer,
            operation.document,
            operation.variables(**given),
            idempotency_key=uuid7().hex,
        )
        await self._cut(name, ask)
        await self._wait_until_well()
        value = await self._repeat(name, ask)
        assert not value.get("errors"), (name, value)
        assert ids_of(await self._repeat(name, ask)) == ids_of(value), name
        return value

    async def _cut(self, name: str, ask: Ask) -> None:
        """Ask once, and end every backend of the database before one of the statements."""
        at, sent, backends = self._place(name), 0, await self._backends()

        def watch(_: str) -> None:
            nonlocal sent
            sent += 1
            if sent == at:
                self.cuts[name] += 1
                end_processes(backends)

        with watch_statements(self.container.database, watch):
            answer = await ask()
        codes = {error["extensions"]["code"] for error in answer.errors or []}
        assert codes <= TRANSIENT, (name, at, answer.errors)
        self.unanswered[name] += bool(codes)

    def _place(self, name: str) -> int:
        use = self.done[name]
        return 1 + crc32(f"{name} {use}".encode()) % (
            FIRST_STATEMENTS if use == 1 else LATER_STATEMENTS
        )

    async def _backends(self) -> Sequence[int]:
        async with self.container.database.read(PLATFORM) as session:
            return (await session.scalars(BACKENDS)).all()

    async def _wait_until_well(self) -> None:
        """Until the pools have noticed that their connections are gone."""
        database = self.container.database
        for _ in range(MAX_REPEATS):
            try:
                async with database.read(PLATFORM) as session, database.read_public() as public:
                    await session.execute(text("select 1"))
                    await public.execute(text("select 1"))
                return
            except Exception as error:
                if not is_transient(error):
                    raise
                await asyncio.sleep(PAUSE_SECONDS)
        raise AssertionError("the database does not answer any more")

    async def _repeat(self, name: str, ask: Ask) -> Any:
        """Repeat a request as long as its answer is that something is passing."""
        for _ in range(MAX_REPEATS):
            answer = await ask()
            codes = {error["extensions"]["code"] for error in answer.errors or []}
            [value] = (answer.data or {"": None}).values()
            if not codes and value is not None and not is_busy(value):
                return value
            assert codes <= TRANSIENT, (name, answer.errors)
            await asyncio.sleep(PAUSE_SECONDS)
        raise AssertionError(f"{name} is never answered")


def end_processes(pids: Sequence[int]) -> None:
    """End server processes of this test's own PostgreSQL, as a restart does."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)


def is_busy(value: Any) -> bool:
    """Whether a payload says that an equal request is being worked on."""
    errors = value.get("errors") or []
    return bool(errors) and all(error["__typename"] == "ServiceOverloaded" for error in errors)


def ids_of(value: Any) -> list[str]:
    """Every id in an answer: of what was created or changed."""
    return sorted(_ids(value))


def _ids(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, child in value.items():
            if name == "id":
                yield str(child)
            else:
                yield from _ids(child)
    elif isinstance(value, list):
        for child in value:
            yield from _ids(child)
