"""Nothing of the demo exists outside development."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from database.audit import AuditContext
from database.scope import PLATFORM
from database.sessions import Database
from models.accounts import User
from seed.accounts import DEMO_ACCOUNTS
from seed.bulk_load import stable_id
from server.settings import BadSetting
from server.settings.declarations import DATABASE_URL, ENVIRONMENT
from server.start_checks import check_settings
from tests.support.paths import ROOT

READS = (DATABASE_URL, ENVIRONMENT)


async def test_a_database_with_the_people_of_the_demo_is_not_served_in_production(
    fresh_database_url: str,
) -> None:
    """Seeded in development, or restored from there, it had a super admin with a known password."""
    environment = {"DATABASE_URL": fresh_database_url}
    assert await asyncio.to_thread(check_settings, READS, environment) == []
    database = Database(fresh_database_url)
    async with database.write(PLATFORM, AuditContext("test")) as session:
        email = DEMO_ACCOUNTS[0].email
        session.add(User(id=stable_id("person", email), email=email))
    await database.close()
    with pytest.raises(BadSetting, match=r"DARKSTORE_ENV .* people of the demo"):
        await asyncio.to_thread(check_settings, READS, environment)
    development = {**environment, "DARKSTORE_ENV": "development"}
    assert await asyncio.to_thread(check_settings, READS, development) == []


async def test_a_database_without_tables_is_not_served(postgres_url: str) -> None:
    """The server was ready on it, and the worker wrote a thousand lines of errors."""
    with pytest.raises(BadSetting, match=r"DATABASE_URL: .* `python -m server migrate`"):
        await asyncio.to_thread(check_settings, READS, {"DATABASE_URL": postgres_url})


@pytest.mark.processes
@pytest.mark.parametrize("name", ["stripe", "twilio", "smtp"])
async def test_simulators_run_in_development_only(name: str) -> None:
    others = {key: value for key, value in os.environ.items() if key != "DARKSTORE_ENV"}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", f"simulators.{name}", cwd=ROOT, env=others,
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    _, said = await process.communicate()
    assert process.returncode == 1
    assert said.startswith(f"{name}: DARKSTORE_ENV is not development".encode())
    assert said.count(b"\n") == 1


@pytest.mark.processes
async def test_the_accounts_of_the_demo_are_in_no_page_of_production(tmp_path: Path) -> None:
    """The application of production does not even import the page that shows them."""
    program = "import sys, server.app; sys.exit('server.endpoints.explorer' in sys.modules)"
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", program, cwd=ROOT)
    assert await process.wait() == 0
