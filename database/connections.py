"""Driver connections that work inside a scope: each transaction, or all reads until another."""

from functools import lru_cache
from typing import Any

import asyncpg
import orjson

from database.scope import Scope

SCOPES_KEPT = 10_000


class ScopedConnection(asyncpg.Connection):  # type: ignore[misc] # the driver ships no types
    """Adds the scope's settings to BEGIN; without a scope the policies show nothing."""

    scope: str | None = None

    async def execute(
        self,
        query: str,
        *args: Any,
        timeout: float | None = None,  # noqa: ASYNC109 - the driver's own signature
    ) -> str:
        if self.scope is not None and not args and query.startswith("BEGIN"):
            query = f"{query.rstrip(';')}; {self.scope}"
        return str(await super().execute(query, *args, timeout=timeout))


@lru_cache(SCOPES_KEPT)
def statement_of(scope: Scope, lasting: bool = False) -> str:
    """The statement that makes `scope` hold for a transaction, or until the next one: keys and
    switches, no one's text."""
    local = "false" if lasting else "true"
    held = scope.settings().items()
    calls = (f"set_config('{name}', '{value}', {local})" for name, value in held)
    return f"SELECT {', '.join(calls)}"


class ReadConnection(asyncpg.Connection):  # type: ignore[misc] # the driver ships no types
    """Knows in which scope it reads, so that it is told only when that changes.

    There is no transaction around a read: it would cost two trips more. The scope stays until the
    next reader enters another one, and nobody reads without having entered.
    """

    scope: str | None = None
    idle_since: float = 0.0

    async def enter(self, scope: str) -> None:
        """Read inside the scope that this statement sets."""
        if scope != self.scope:
            self.scope = None
            await self.execute(scope)
            self.scope = scope


def breaks(error: BaseException | None) -> bool:
    """Whether a connection is of no use after this, though it may not know yet that it was cut."""
    if isinstance(error, asyncpg.PostgresError):
        return getattr(error, "severity_en", None) != "ERROR"
    return isinstance(error, TimeoutError | asyncpg.InternalClientError)


async def speak_json(connection: Any) -> None:
    """Read JSON as values, as the sessions that write do."""
    for name, begins in (("json", 0), ("jsonb", 1)):  # jsonb begins with the number of its format
        await connection.set_type_codec(
            name,
            schema="pg_catalog",
            format="binary",
            encoder=lambda text, begins=begins: b"\x01" * begins + text.encode(),
            decoder=lambda data, begins=begins: orjson.loads(data[begins:]),
        )
