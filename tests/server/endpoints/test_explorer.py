"""The explorer: everything it needs comes from here, and nothing else does."""

import gzip
import re
from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.applications import Starlette

from models.identity import Role
from server.endpoints.explorer import OPERATIONS, PAGE, explorer_routes

READERS = {"Anybody", "Customers", "Store staff", "Riders", "Support", "Admins"}
OUTSIDE = re.compile(r"(?:src|href|url|import|fetch)\s*[=(]\s*[\"'`]?\s*(?:https?:)?//")


@pytest.fixture
async def browser() -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=Starlette(routes=explorer_routes()))
    async with httpx.AsyncClient(transport=transport, base_url="http://darkstore.test") as client:
        yield client


async def test_the_front_door_leads_to_the_page(browser: httpx.AsyncClient) -> None:
    assert (await browser.get("/")).headers["location"] == "/explorer"
    page = await browser.get("/explorer")
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")


async def test_all_that_the_page_asks_for_is_served(browser: httpx.AsyncClient) -> None:
    page = (await browser.get("/explorer")).text
    asked = re.findall(r'(?:src|href)="(/[^"]+)"', page)
    assert len(asked) == 7
    for address in asked:
        answer = await browser.get(address)
        assert answer.status_code == 200, address
        assert len(answer.content) > 100
        kind = "text/javascript" if address.endswith(".js") else "text/css"
        assert answer.headers["content-type"].startswith(kind)


async def test_the_page_names_no_address_outside(browser: httpx.AsyncClient) -> None:
    for name in ("", "/explorer.js", "/explorer.css"):
        assert not OUTSIDE.search((await browser.get(f"/explorer{name}")).text)
    style = (await browser.get("/explorer/vendor/graphiql.min.css")).text
    assert not OUTSIDE.search(style)


async def test_vendor_files_travel_compressed_and_are_kept(browser: httpx.AsyncClient) -> None:
    packed = sorted((PAGE / "vendor").glob("*.gz"))
    assert packed
    for file in packed:
        answer = await browser.get(f"/explorer/vendor/{file.stem}")
        assert answer.headers["content-encoding"] == "gzip"
        assert "max-age" in answer.headers["cache-control"]
        assert answer.content == gzip.decompress(file.read_bytes())
        assert int(answer.headers["content-length"]) == file.stat().st_size


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
async def test_unknown_names_are_not_found(browser: httpx.AsyncClient, address: str) -> None:
    assert (await browser.get(address)).status_code == 404


async def test_the_book_has_an_account_and_an_example_for_each_role(
    browser: httpx.AsyncClient,
) -> None:
    book = (await browser.get("/explorer/book.json")).json()
    assert {one["role"] for one in book["accounts"]} == {
        role.value
        for role in Role
        if role is not Role.INTEGRATOR  # apps have no password
    }
    assert all(one["email"] and one["password"] for one in book["accounts"])
    assert {reader for one in book["examples"] for reader in one["readers"]} == READERS
    assert len(book["examples"]) == len(list(OPERATIONS.glob("*.graphql")))
    for one in book["examples"]:
        assert one["note"].endswith((".", "…"))
        assert set(one) == {"name", "readers", "note", "query", "variables"}
