"""A driver connection that opens each transaction inside a scope, in one trip to the server."""

from functools import lru_cache
from typing import Any

import asyncpg

from models.actor import Scope

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
