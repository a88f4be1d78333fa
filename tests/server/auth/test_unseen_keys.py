"""A key that a process has never seen is not refused for what strangers of its network sent."""

import asyncio
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from models.integrations import AppSecretKind
from resolvers.context import Container
from resolvers.prices import FAILED_AUTHENTICATION
from server.auth.header_authenticator import HeaderAuthenticator
from server.rate_limit.budgets import CallerBudgets
from server.rate_limit.callers import CallerBucketSizes
from server.transport.authentication import (
    AuthenticatedCaller,
    AuthenticationFailure,
    authentication_of,
)
from services.core.rate_limiter import RateLimiter
from services.core.token_bucket import BucketSize
from services.identity.app_secrets import generate
from tests.support.graph_queries import record_statements
from tests.support.server.integrator import REVOKE_SECRET, AppAdmin
from workflows.identity import secret_index
from workflows.identity.authenticator import Authenticator
from workflows.identity.secret_index import REFRESH_SECONDS, SecretIndex

NETWORK = "203.0.113.61"
FAILURES = 3


@dataclass
class Process:
    """One of two processes, which share the database and nothing else; its clock is `now`."""

    container: Container
    now: float = 0.0

    def __post_init__(self) -> None:
        size = BucketSize(FAILURES * FAILED_AUTHENTICATION, 0.001)
        sizes = replace(CallerBucketSizes.of(1_000), address=size, site=size)
        limiter = RateLimiter(lambda: self.now)
        self.budgets = CallerBudgets(limiter, sizes)
        apps = self.container.authenticator.apps
        apps.index = SecretIndex(self.container.database, lambda: self.now)

    async def status(self, bearer: str) -> int:
        """200 for a caller who is known; otherwise the status of the failure."""
        inner = HeaderAuthenticator(self.container, self.budgets)
        headers = {"authorization": f"Bearer {bearer}"}
        caller = await authentication_of(inner, headers, NETWORK)
        if isinstance(caller, AuthenticatedCaller):
            return 200
        assert isinstance(caller, AuthenticationFailure)
        return caller.status


@pytest.fixture
def processes(container: Container, tmp_path: Path) -> tuple[Process, Process]:
    other = Authenticator(keys_file=tmp_path / "keys.json", database=container.database)
    own = Authenticator(keys_file=tmp_path / "keys.json", database=container.database)
    return (
        Process(replace(container, authenticator=own)),
        Process(replace(container, authenticator=other)),
    )


async def fail_all(process: Process) -> None:
    """Send unknown keys until the network may fail no more."""
    for _ in range(FAILURES):
        assert await process.status(generate(AppSecretKind.API_KEY)) == 401
    assert await process.status(generate(AppSecretKind.API_KEY)) == 429


async def test_a_key_that_only_another_process_has_seen_is_served(
    processes: tuple[Process, Process], app_admin: AppAdmin
) -> None:
    """An app shares an address with a scanner: each process that had not seen its key refused it.

    After a deployment that was every process, for as long as the scanner went on.
    """
    first, second = processes
    _, key = await app_admin.create_secret(await app_admin.create_app())
    assert await first.status(key) == 200
    await fail_all(second)
    second.now += 1
    assert await second.status(key) == 200


async def test_a_key_that_is_issued_during_a_flood_is_served(
    processes: tuple[Process, Process], app_admin: AppAdmin
) -> None:
    """The index is older than the key; it is read again after a second."""
    process, _ = processes
    await fail_all(process)
    _, key = await app_admin.create_secret(await app_admin.create_app())
    process.now += 1
    assert await process.status(key) == 200


async def test_a_flood_of_invented_keys_takes_one_statement_a_second(
    processes: tuple[Process, Process], app_admin: AppAdmin
) -> None:
    """Well-formed keys at one moment, after the network may fail no more."""
    process, _ = processes
    await app_admin.create_secret(await app_admin.create_app())
    await fail_all(process)
    process.now += 1
    keys = [generate(AppSecretKind.API_KEY) for _ in range(50)]
    with record_statements(process.container.database) as statements:
        assert set(await asyncio.gather(*map(process.status, keys))) == {429}
    assert sum("app_secret" in statement for statement in statements) == 1


async def test_a_revoked_key_learns_it_in_every_process(
    processes: tuple[Process, Process], app_admin: AppAdmin
) -> None:
    """With 429 its client would wait, and try for ever."""
    _, second = processes
    key_id, key = await app_admin.create_secret(await app_admin.create_app())
    await app_admin.run(REVOKE_SECRET, appSecretId=key_id)
    await fail_all(second)
    second.now += 1
    assert await second.status(key) == 401


async def test_unknown_keys_displace_no_valid_one_from_the_cache(
    processes: tuple[Process, Process], app_admin: AppAdmin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each unknown key took a place in the cache, where it displaced a valid one."""
    process, _ = processes
    monkeypatch.setattr("workflows.identity.app_cache.MAX_SECRETS", 2)
    monkeypatch.setattr("workflows.identity.app_cache.MAX_ABSENT", 1)
    monkeypatch.setattr("workflows.identity.app_cache.CACHE_SECONDS", 3_600)
    _, key = await app_admin.create_secret(await app_admin.create_app())
    assert await process.status(key) == 200
    for _ in range(FAILURES - 1):
        assert await process.status(generate(AppSecretKind.API_KEY)) == 401
    with record_statements(process.container.database) as statements:
        assert await process.status(key) == 200
    assert not statements


async def test_a_full_index_forgets_the_oldest_secrets_alone(
    container: Container, app_admin: AppAdmin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At its limit the next read cleared it and knew the secrets of the last minutes alone.

    Every app with an older key was then refused during a flood in its own network.
    """
    now = 0.0
    keys = [(await app_admin.create_secret(await app_admin.create_app()))[1] for _ in range(4)]
    monkeypatch.setattr(secret_index, "MAX_SECRETS", 3)
    monkeypatch.setattr(secret_index, "OVERLAP_MS", 0)
    index = SecretIndex(container.database, lambda: now)
    assert [await index.contains(key) for key in keys] == [False, True, True, True]
    for _ in range(2):
        now += REFRESH_SECONDS
        assert not await index.contains(generate(AppSecretKind.API_KEY))
        assert [await index.contains(key) for key in keys] == [False, True, True, True]
    keys.append((await app_admin.create_secret(await app_admin.create_app()))[1])
    now += REFRESH_SECONDS
    assert [await index.contains(key) for key in reversed(keys)] == [True] * 3 + [False] * 2
