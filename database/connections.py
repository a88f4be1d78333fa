"""Addresses of databases, and driver connections inside a row-level-security scope."""

from functools import lru_cache
from typing import Any

import asyncpg
import orjson
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from database.scope import Scope

MAX_CACHED_SCOPES = 10_000
SCHEMES = frozenset({"postgres", "postgresql", "postgresql+asyncpg"})
SSL_MODES = frozenset({"disable", "allow", "prefer", "require", "verify-ca", "verify-full"})
PARAMETERS = frozenset({"host", "port", "sslmode"})
"""`host` is the folder of a socket, `port` the number in its name."""


def parse_database_url(text: str) -> str:
    """Return the address with the driver that we use, which hosting services leave out.

    `ssl` is understood as `sslmode`. Raises ValueError for anything but a PostgreSQL database.
    """
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise ValueError("no address") from None
    query = {("sslmode" if name == "ssl" else name): value for name, value in url.query.items()}
    if url.drivername not in SCHEMES or not url.database or "/" in url.database:
        raise ValueError("no database")
    if not PARAMETERS.issuperset(query) or not all(isinstance(one, str) for one in query.values()):
        raise ValueError("unknown parameters")
    if query.get("sslmode", "disable") not in SSL_MODES or not str(query.get("port", 0)).isdigit():
        raise ValueError("unknown values of parameters")
    if not url.host and "host" not in query:
        raise ValueError("no host")
    url = url.set(drivername="postgresql+asyncpg", query=query)
    return url.render_as_string(hide_password=False)


def driver_address(url: str | URL) -> str:
    """Return an address as the driver itself understands it."""
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def engine_address(url: str) -> tuple[URL, dict[str, Any]]:
    """Return an address for SQLAlchemy, and the driver's arguments that it can't carry."""
    parsed = make_url(url)
    mode = parsed.query.get("sslmode")
    return parsed.difference_update_query(["sslmode"]), {"ssl": mode} if mode else {}


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


@lru_cache(MAX_CACHED_SCOPES)
def scope_statement(scope: Scope, lasting: bool = False) -> str:
    """The statement that sets `scope` for a transaction or, `lasting`, until another one is set.

    It contains keys and switches only, no text from outside.
    """
    local = "false" if lasting else "true"
    settings = scope.settings().items()
    calls = (f"set_config('{name}', '{value}', {local})" for name, value in settings)
    return f"SELECT {', '.join(calls)}"


class ReadConnection(asyncpg.Connection):  # type: ignore[misc] # the driver ships no types
    """Remembers in which scope it reads, so that the scope is set only when it changes.

    There is no transaction around a read: it would cost two more round trips. The scope stays until
    the next reader enters another one, and nobody reads without having entered.
    """

    scope: str | None = None
    idle_since: float = 0.0

    async def enter_scope(self, scope: str) -> None:
        """Read inside the scope that this statement sets."""
        if scope != self.scope:
            self.scope = None
            await self.execute(scope)
            self.scope = scope


def breaks_connection(error: BaseException | None) -> bool:
    """Whether a connection is of no use after this error, even if it does not know yet."""
    if isinstance(error, asyncpg.PostgresError):
        return getattr(error, "severity_en", None) != "ERROR"
    return isinstance(error, TimeoutError | asyncpg.InternalClientError)


async def register_json_codecs(connection: Any) -> None:
    """Read JSON as values, as write sessions do."""
    for name, prefix in (("json", 0), ("jsonb", 1)):  # jsonb begins with its format's number
        await connection.set_type_codec(
            name,
            schema="pg_catalog",
            format="binary",
            encoder=lambda text, prefix=prefix: b"\x01" * prefix + text.encode(),
            decoder=lambda data, prefix=prefix: orjson.loads(data[prefix:]),
        )
