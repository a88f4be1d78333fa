"""Runs the program of docs/files.md against a running server."""

import os
from pathlib import Path

import httpx
import pytest

from tests.support.files.pictures import picture
from tests.support.paths import ROOT
from tests.support.server.quick_start import (
    BLOCK,
    free_port,
    run_process,
    run_program,
    wait_until_ready,
)

PAGE = (ROOT / "docs" / "files.md").read_text()
GUEST = "mutation { guestSignIn { accessToken } }"


@pytest.mark.timeout(400)
async def test_the_program_sends_and_fetches_a_picture(
    fresh_database_url: str, redis_url: str, tmp_path: Path
) -> None:
    (tmp_path / "jar.jpg").write_bytes(picture())
    program = tmp_path / "send.py"
    [text] = BLOCK.findall(PAGE)
    program.write_text(text)
    with free_port() as port:
        url = f"http://127.0.0.1:{port}"
        environment = {
            **os.environ,
            "DATABASE_URL": fresh_database_url,
            "REDIS_URL": redis_url,
            "DARKSTORE_ENV": "development",
            "DARKSTORE_KEYS_FILE": str(tmp_path / "keys.json"),
            "STRIPE_API_KEY": "sk_test_none",
            "STRIPE_WEBHOOK_SECRET": "whsec_none",
        }
        async with run_process(environment, "server", "serve", "--port", str(port)):
            await wait_until_ready(url)
            async with httpx.AsyncClient() as http:
                answer = await http.post(f"{url}/graphql", json={"query": GUEST})
            token = answer.json()["data"]["guestSignIn"]["accessToken"]
            variables = {
                "DARKSTORE_URL": url, "TOKEN": token, "PICTURE": str(tmp_path / "jar.jpg"),
            }  # fmt: skip
            output = await run_program(program, variables)
    content_type, size = output.split()
    assert content_type == "image/jpeg"
    assert int(size) > 100
