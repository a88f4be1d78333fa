"""A container in which every write is rolled back, so that a mutation can be repeated."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncSession

from database.audit import AuditContext
from database.scope import Scope
from database.sessions import Database
from resolvers.context import Container


class _RollBack(Exception):
    """Rolls back a transaction after its work has succeeded."""


class RollbackDatabase(Database):
    """Rolls back every write transaction; the written rows stay readable in memory."""

    @asynccontextmanager
    async def write(self, scope: Scope, origin: AuditContext) -> AsyncIterator[AsyncSession]:
        try:
            async with super().write(scope, origin) as session:
                yield session
                await session.flush()
                session.expunge_all()
                raise _RollBack
        except _RollBack:
            return


def with_rollback(container: Container) -> Container:
    """The same container with a database that rolls back every write."""
    return replace(container, database=RollbackDatabase(container.database.url))
