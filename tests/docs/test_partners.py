"""Runs the code of the partners' quick start against a running server."""

import os
import re
from pathlib import Path

import pytest

from database.audit import AuditContext
from database.scope import PLATFORM
from database.sessions import Database
from models.accounts import Membership, User
from models.identity import Role
from services.identity.passwords import hash_password
from tests.support import city as cities
from tests.support.paths import ROOT
from tests.support.server.quick_start import (
    BLOCK,
    free_port,
    run_process,
    run_program,
    wait_until_ready,
)

PAGE = (ROOT / "docs" / "partners.md").read_text()
EMAIL, PASSWORD = "admin@harbour.example", "a rather long password"


async def create_admin(url: str) -> None:
    """Create a company with stock, and an admin who signs in with a password."""
    database = Database(url)
    city = await cities.build_city(database)
    async with database.write(PLATFORM, AuditContext("test")) as session:
        person = User(name="Admin", email=EMAIL, password_hash=hash_password(PASSWORD))
        session.add(person)
        await session.flush()
        role = {"role": Role.COMPANY_ADMIN, "company_id": city.company.id}
        session.add(Membership(person_id=person.id, **role))
    await database.close()


@pytest.mark.timeout(400)
async def test_the_quick_start_runs_and_receives_an_event(
    fresh_database_url: str, redis_url: str, tmp_path: Path
) -> None:
    await create_admin(fresh_database_url)
    with free_port() as server_port, free_port() as receiver_port:
        environment = {
            **os.environ,
            "DATABASE_URL": fresh_database_url,
            "REDIS_URL": redis_url,
            "DARKSTORE_ENV": "development",
            "DARKSTORE_KEYS_FILE": str(tmp_path / "keys.json"),
            "DARKSTORE_WEBHOOK_ALLOW": f"127.0.0.1:{receiver_port}",
            "STRIPE_API_KEY": "sk_test_none",
            "STRIPE_WEBHOOK_SECRET": "whsec_none",
        }
        url = f"http://127.0.0.1:{server_port}"
        program = tmp_path / "partner.py"
        program.write_text("\n".join(BLOCK.findall(PAGE)))
        variables = {
            "DARKSTORE_URL": url, "DARKSTORE_EMAIL": EMAIL, "DARKSTORE_PASSWORD": PASSWORD,
            "RECEIVER_PORT": str(receiver_port),
        }  # fmt: skip
        serve = run_process(environment, "server", "serve", "--port", str(server_port))
        async with serve, run_process(environment, "server", "worker"):
            await wait_until_ready(url)
            output = await run_program(program, variables)
    assert "token for stock:read stock:write webhooks:read webhooks:write" in output
    assert "verified STOCK_CHANGED" in output


@pytest.mark.parametrize("name", ["appSecretRotate", "appSecretRevoke", "webhookEventTypes",
    "webhookEndpointResume", "webhookReplay", "webhookDeliveryRetry", "webhookPreview",
    "webhookEndpointSecretRotate"])  # fmt: skip
def test_fields_named_on_the_page_are_in_the_graph(name: str) -> None:
    assert name in PAGE
    assert re.search(rf"^  {name}\b", (ROOT / "schema.graphql").read_text(), re.MULTILINE)
