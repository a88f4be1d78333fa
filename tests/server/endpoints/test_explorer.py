"""The explorer: everything it loads is served by this server."""

import gzip
import json
import re
from collections.abc import AsyncIterator, Mapping

import httpx
import pytest
from starlette.applications import Starlette

from models.identity import Role
from resolvers.context import Container
from server.endpoints.explorer import OPERATIONS, PAGE, explorer_routes
from tests.support.city import build_city
from tests.support.operations.player import OperationPlayer, create_player
from tests.support.stripe_simulator import open_sandbox

PEOPLE: Mapping[str | None, str] = {
    None: "nobody",
    "CUSTOMER": "buyer",
    "STORE_STAFF": "picker",
    "STORE_MANAGER": "manager",
    "RIDER": "rider",
    "SUPPORT_AGENT": "agent",
    "COMPANY_ADMIN": "owner",
    "SUPER_ADMIN": "admin",
}
OWN_IDS = {"companyId": "company", "storeId": "store"}
"""What the examples have of the seeded city, and the player has of its own."""
OTHER_HOST = re.compile(r"(?:src|href|url|import|fetch)\s*[=(]\s*[\"'`]?\s*(?:https?:)?//")


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=Starlette(routes=explorer_routes()))
    async with httpx.AsyncClient(transport=transport, base_url="http://darkstore.test") as client:
        yield client


@pytest.fixture
async def explorer_player(container: Container) -> AsyncIterator[OperationPlayer]:
    async with open_sandbox() as desk:
        yield await create_player(container, desk, await build_city(container.database))


async def test_the_root_path_redirects_to_the_page(client: httpx.AsyncClient) -> None:
    assert (await client.get("/")).headers["location"] == "/explorer"
    assert (await client.get("/explorer/")).headers["location"] == "/explorer"
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
    assert len(content["groups"]) == 9
    readers = {reader for example in content["examples"] for reader in example["readers"]}
    assert readers == {*content["groups"]}
    assert len(content["examples"]) == len(list(OPERATIONS.glob("*.graphql")))
    for example in content["examples"]:
        assert example["note"].endswith((".", "…"))
        assert set(example) == {"name", "readers", "note", "query", "variables"}


async def test_the_first_example_of_each_account_runs(
    client: httpx.AsyncClient, explorer_player: OperationPlayer
) -> None:
    """Who became a store manager saw a query whose id was missing, and who became a customer the
    operation and the note of support.
    """
    content = (await client.get("/explorer/book.json")).json()
    examples = {example["name"]: example for example in content["examples"]}
    firsts = {account["role"]: account for account in content["accounts"]}
    for role, who in PEOPLE.items():
        account = firsts[role] if role else {"first": content["first"], "readers": ["Anybody"]}
        example = examples[account["first"]]
        assert {*example["readers"]} & {*account["readers"]}, role
        assert re.search(r"^query ", example["query"], re.MULTILINE)
        assert "paste" not in (example["variables"] or "")
        variables = json.loads(example["variables"] or "{}")
        for name, own in OWN_IDS.items():
            if name in variables:
                variables[name] = getattr(explorer_player, own)
        data = await explorer_player.clients[who].run(example["query"], variables)
        assert all(value is not None for value in data.values()), role


async def test_an_example_shows_no_budget_of_statements(client: httpx.AsyncClient) -> None:
    """ "At most 7 statements" is about our tests: of no use to who writes a client."""
    content = (await client.get("/explorer/book.json")).json()
    for example in content["examples"]:
        assert "statement" not in example["query"].partition("{")[0]
        assert example["query"].startswith("# ")


async def test_tabs_stay_in_sight(client: httpx.AsyncClient) -> None:
    """With seven examples the present tab was cut off; on a phone it was out of sight."""
    style = (await client.get("/explorer/explorer.css")).text
    assert re.search(r"\.graphiql-tabs \{[^}]*min-width: 0", style)
    assert "scrollIntoView" in (await client.get("/explorer/explorer.js")).text


async def test_the_page_has_a_layout_for_narrow_screens(client: httpx.AsyncClient) -> None:
    """On a phone the query had four characters a line, and the button to run it was cut off."""
    _, _, narrow = (await client.get("/explorer/explorer.css")).text.partition("@media (max-width")
    assert "flex-direction: column" in narrow
    assert re.search(r"graphiql-execute-button \{ position: fixed", narrow)
