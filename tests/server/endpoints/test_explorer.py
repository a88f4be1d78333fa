"""The explorer: everything it loads is served by this server."""

import gzip
import re
from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.applications import Starlette

from models.identity import Role
from server.endpoints.explorer import OPERATIONS, PAGE, explorer_routes

READERS = {"Anybody", "Customers", "Store staff", "Riders", "Support", "Admins"}
OTHER_HOST = re.compile(r"(?:src|href|url|import|fetch)\s*[=(]\s*[\"'`]?\s*(?:https?:)?//")


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=Starlette(routes=explorer_routes()))
    async with httpx.AsyncClient(transport=transport, base_url="http://darkstore.test") as client:
        yield client


async def test_the_root_path_redirects_to_the_page(client: httpx.AsyncClient) -> None:
    assert (await client.get("/")).headers["location"] == "/explorer"
    page = await client.get("/explorer")
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")


async def test_everything_that_the_page_loads_is_served(client: httpx.AsyncClient) -> None:
    page = (await client.get("/explorer")).text
    addresses = re.findall(r'(?:src|href)="(/[^"]+)"', page)
    assert len(addresses) == 7
    for address in addresses:
        response = await client.get(address)
        assert response.status_code == 200, address
        assert len(response.content) > 100
        kind = "text/javascript" if address.endswith(".js") else "text/css"
        assert response.headers["content-type"].startswith(kind)


async def test_the_page_loads_nothing_from_other_hosts(client: httpx.AsyncClient) -> None:
    for name in ("", "/explorer.js", "/explorer.css"):
        assert not OTHER_HOST.search((await client.get(f"/explorer{name}")).text)
    style = (await client.get("/explorer/vendor/graphiql.min.css")).text
    assert not OTHER_HOST.search(style)


async def test_vendor_files_are_compressed_and_cached(client: httpx.AsyncClient) -> None:
    files = sorted((PAGE / "vendor").glob("*.gz"))
    assert files
    for file in files:
        response = await client.get(f"/explorer/vendor/{file.stem}")
        assert response.headers["content-encoding"] == "gzip"
        assert "max-age" in response.headers["cache-control"]
        assert response.content == gzip.decompress(file.read_bytes())
        assert int(response.headers["content-length"]) == file.stat().st_size


@pytest.mark.parametrize(
    "address",
    [
        "/explorer/nothing.js",
        "/explorer/vendor/nothing.js",
        "/explorer/vendor/NOTICE.md",
        "/explorer/vendor/graphiql.min.js.gz",
        "/explorer/vendor/..%2Fexplorer.js",
        "/explorer/..%2F..%2FREADME.md",
        "/explorer/vendor/%00.js",
        f"/explorer/vendor/{'a' * 300}.js",
    ],
)
async def test_unknown_names_are_not_found(client: httpx.AsyncClient, address: str) -> None:
    assert (await client.get(address)).status_code == 404


async def test_there_is_an_account_and_an_example_for_each_role(
    client: httpx.AsyncClient,
) -> None:
    content = (await client.get("/explorer/book.json")).json()
    assert {account["role"] for account in content["accounts"]} == {
        role.value
        for role in Role
        if role is not Role.INTEGRATOR  # apps have no password
    }
    assert all(account["email"] and account["password"] for account in content["accounts"])
    assert {reader for example in content["examples"] for reader in example["readers"]} == READERS
    assert len(content["examples"]) == len(list(OPERATIONS.glob("*.graphql")))
    for example in content["examples"]:
        assert example["note"].endswith((".", "…"))
        assert set(example) == {"name", "readers", "note", "query", "variables"}


async def test_each_account_has_an_example_to_begin_with(
    client: httpx.AsyncClient,
) -> None:
    """Who changed from support to a customer saw the operation and the note of support on."""
    content = (await client.get("/explorer/book.json")).json()
    for account in content["accounts"]:
        assert any(
            account["reader"] in example["readers"]
            and re.search(r"^query ", example["query"], re.MULTILINE)
            for example in content["examples"]
        ), account["role"]


async def test_the_page_has_a_layout_for_narrow_screens(client: httpx.AsyncClient) -> None:
    """On a phone the query had four characters a line, and the button to run it was cut off."""
    _, _, narrow = (await client.get("/explorer/explorer.css")).text.partition("@media (max-width")
    assert "flex-direction: column" in narrow
    assert re.search(r"graphiql-execute-button \{ position: fixed", narrow)
