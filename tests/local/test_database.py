"""Each test session has its own migrated database."""

import asyncpg


async def test_the_session_database_is_built_by_the_migrations(database_url: str) -> None:
    connection = await asyncpg.connect(database_url.replace("+asyncpg", "", 1))
    try:
        assert await connection.fetchval("SELECT count(*) FROM alembic_version") == 1
        assert await connection.fetchval("SELECT postgis_lib_version()")
    finally:
        await connection.close()


async def test_a_fresh_database_is_another_one(database_url: str, fresh_database_url: str) -> None:
    assert fresh_database_url != database_url
