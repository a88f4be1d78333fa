"""Brings a database to the newest revision, one process at a time, over asyncpg."""

import asyncio
import os

from alembic import context
from geoalchemy2 import alembic_helpers
from sqlalchemy import Connection, text
from sqlalchemy.dialects.postgresql.base import ischema_names
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

import models  # noqa: F401 - declares every table
from database.base import Base
from database.connections import engine_address
from models.events import TransactionNumber

MIGRATING = 0x6461726B  # the advisory lock of whoever migrates
CONNECT_SECONDS = 5.0

# Autogenerate reflects columns of this type.
ischema_names["xid8"] = TransactionNumber


def database_url() -> str:
    """The address that the caller gave, else DATABASE_URL."""
    given = context.config.attributes.get("database_url") or os.environ.get("DATABASE_URL")
    if not given:
        raise SystemExit("Say which database to migrate: set DATABASE_URL.")
    return str(given)


def migrate(connection: Connection) -> None:
    """Run the asked-for migrations in one transaction, so that a failed one leaves nothing."""
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        include_object=alembic_helpers.include_object,
        render_item=alembic_helpers.render_item,
        process_revision_directives=alembic_helpers.writer,
        compare_server_default=False,
    )
    with context.begin_transaction():
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATING})
        context.run_migrations()


async def connect_and_migrate() -> None:
    """Open the one connection that this run needs."""
    address, tls = engine_address(database_url())
    arguments = {"timeout": CONNECT_SECONDS, **tls}
    engine = create_async_engine(address, poolclass=NullPool, connect_args=arguments)
    async with engine.connect() as connection:
        await connection.run_sync(migrate)
        await connection.commit()
    await engine.dispose()


if context.is_offline_mode():
    context.configure(dialect_name="postgresql", target_metadata=Base.metadata)
    with context.begin_transaction():
        context.run_migrations()
else:
    asyncio.run(connect_and_migrate())
