"""Runs the code of the quick start for apps against a running server and payment provider."""

import os
from pathlib import Path

import pytest

from database.sessions import Database
from tests.support import city as cities
from tests.support.paths import ROOT
from tests.support.server.quick_start import (
    BLOCK,
    free_port,
    run_process,
    run_program,
    wait_until_ready,
)

PAGE = (ROOT / "docs" / "client_apps.md").read_text()
SECRET_KEY, PUBLISHABLE_KEY = "sk_test_quickstart", "pk_test_quickstart"
SETTINGS = {
    "DARKSTORE_ENV": "development",
    "STRIPE_API_KEY": SECRET_KEY,
    "STRIPE_WEBHOOK_SECRET": "whsec_quickstart",
}


@pytest.mark.timeout(400)
async def test_a_guest_orders_pays_and_follows_the_order(
    fresh_database_url: str, redis_url: str, tmp_path: Path
) -> None:
    """No document told how an app pays, and which headers and payloads it needs."""
    database = Database(fresh_database_url)
    city = await cities.build_city(database)
    await database.close()
    with free_port() as server_port, free_port() as provider_port:
        url, provider = (f"http://127.0.0.1:{port}" for port in (server_port, provider_port))
        environment = (
            os.environ
            | SETTINGS
            | {
                "DATABASE_URL": fresh_database_url,
                "REDIS_URL": redis_url,
                "DARKSTORE_KEYS_FILE": str(tmp_path / "keys.json"),
                "STRIPE_API_BASE": provider,
            }
        )
        program = tmp_path / "app.py"
        program.write_text("\n".join(BLOCK.findall(PAGE)))
        variables = {
            "DARKSTORE_URL": url, "PAYMENTS_URL": provider, "PAYMENTS_KEY": PUBLISHABLE_KEY,
            "LATITUDE": str(city.latitude), "LONGITUDE": str(city.longitude),
        }  # fmt: skip
        options = [
            "--port", str(provider_port), "--key", SECRET_KEY,
            "--secret", "whsec_quickstart", "--webhook", f"{url}/webhooks/stripe",
        ]  # fmt: skip
        async with (
            run_process(environment, "simulators.stripe", *options),
            run_process(environment, "server", "serve", "--port", str(server_port)),
            run_process(environment, "server", "worker"),
        ):
            await wait_until_ready(url)
            output = await run_program(program, variables)
    assert "payment requires_capture" in output
    assert "order CONFIRMED" in output
