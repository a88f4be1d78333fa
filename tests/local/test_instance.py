"""The private servers survive crashes, strangers' pid files and awkward folders."""

from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest
from redis.asyncio import Redis

import local
from local import account, postgres
from local.errors import LocalError
from local.instance import Instance
from local.valkey import free, free_port, valkey


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[Instance]:
    started = local.start(tmp_path / "private", durable=False)
    yield started
    started.stop()
    account.remove(tmp_path / "private")


async def query(instance: Instance, statement: str) -> object:
    connection = await asyncpg.connect(instance.database_url.replace("+asyncpg", "", 1))
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


async def test_what_was_committed_is_there_after_both_servers_are_killed(
    instance: Instance,
) -> None:
    await query(instance, "CREATE TABLE kept AS SELECT 7 AS n")
    before = instance.database_url, instance.redis_url
    instance.kill_postgres()
    instance.kill_redis()
    assert instance.postgres.pid() is None
    assert instance.valkey.pid() is None
    instance.start()
    assert await query(instance, "SELECT n FROM kept") == 7
    redis = Redis.from_url(instance.redis_url)
    assert await redis.ping()
    await redis.aclose()
    assert (instance.database_url, instance.redis_url) == before


async def test_the_database_has_the_extensions_that_the_store_needs(instance: Instance) -> None:
    found = await query(instance, "SELECT array_agg(extname::text) FROM pg_extension")
    assert isinstance(found, list)
    assert set(postgres.EXTENSIONS) <= set(found)


async def test_starting_twice_joins_the_running_servers(instance: Instance, tmp_path: Path) -> None:
    pids = instance.postgres.pid(), instance.valkey.pid()
    again = local.start(tmp_path / "private", durable=False)
    assert (again.postgres.pid(), again.valkey.pid()) == pids


async def test_a_pid_file_that_names_a_living_stranger_does_not_keep_it_from_starting(
    instance: Instance,
) -> None:
    instance.kill_postgres()
    pid_file = instance.postgres.data / "postmaster.pid"
    lines = pid_file.read_text().splitlines(keepends=True)
    pid_file.write_text("1\n" + "".join(lines[1:]))
    instance.start()
    assert await query(instance, "SELECT 1") == 1


async def test_nothing_but_a_unix_socket_reaches_the_database(instance: Instance) -> None:
    assert await query(instance, "SHOW listen_addresses") == ""
    assert instance.postgres.socket.stat().st_mode & 0o077 == 0


def test_a_folder_with_a_long_name_gets_a_short_socket(tmp_path: Path) -> None:
    deep = tmp_path / ("long-" * 20) / "private"
    started = local.start(deep, durable=False)
    try:
        assert len(bytes(started.postgres.socket)) <= account.SOCKET_PATH_BYTES
        assert started.postgres.sql("SELECT 1") == "1"
    finally:
        started.stop()
        account.remove(deep)
    assert not started.postgres.place.exists()


def test_a_valkey_whose_port_was_taken_moves_to_another(tmp_path: Path) -> None:
    first = valkey(tmp_path / "first")
    first.start()
    second = valkey(tmp_path / "second")
    second.place.mkdir()
    taken = (first.place / "valkey.json").read_text()
    (second.place / "valkey.json").write_text(taken)
    try:
        second.start()
        assert second.url != first.url
        assert second.ready()
    finally:
        second.stop()
        first.stop()


def test_a_machine_without_postgis_gets_one_clear_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(postgres, "has_postgis", lambda programs: False)
    with pytest.raises(LocalError, match="PostGIS is not: run `make setup`"):
        postgres.find()


def test_a_free_port_is_free() -> None:
    assert free(free_port())
