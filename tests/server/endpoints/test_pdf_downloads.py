"""Slips, manifests and receipts over HTTP: for the store's people, and not found for others."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from database.scope import PLATFORM
from database.sessions import Origin
from models.counter_sales import CounterSale
from models.fulfillment import Fulfillment
from models.ids import encode
from models.stores import Store
from resolvers.context import House
from server.auth.edge import Edge
from server.endpoints.pdf_downloads import document_routes
from tests.support.actors import Standing, stand
from tests.support.city import City
from tests.support.graph_queries import id_of, operation
from tests.support.order_rows import hang


@pytest.fixture
async def client(house: House) -> AsyncIterator[httpx.AsyncClient]:
    edge = Edge()
    edge.house = house
    transport = httpx.ASGITransport(app=Starlette(routes=document_routes(edge)))
    async with httpx.AsyncClient(transport=transport, base_url="http://store") as one:
        yield one


@pytest.fixture
async def papers(house: House, town: City, customer: Standing) -> dict[str, str]:
    """The paths of one paper of each kind, in the town's near store."""
    async with house.database.write(PLATFORM, Origin("test")) as session:
        keys = await hang(session, town.first, customer.id)
    return {
        "packing-slips": encode(Fulfillment, keys[Fulfillment]),
        "manifests": encode(Store, town.near.id),
        "receipts": encode(CounterSale, keys[CounterSale]),
    }


async def fetch(client: httpx.AsyncClient, kind: str, id: str, token: str = "") -> httpx.Response:
    headers = {"authorization": f"Bearer {token}"} if token else {}
    return await client.get(f"/documents/{kind}/{id}.pdf", headers=headers)


@pytest.mark.parametrize("kind", ["packing-slips", "manifests", "receipts"])
async def test_a_paper_is_for_the_people_of_its_store(
    kind: str,
    client: httpx.AsyncClient,
    papers: dict[str, str],
    picker: Standing,
    manager: Standing,
    company_admin: Standing,
    super_admin: Standing,
    customer: Standing,
    rider: Standing,
    other_company_admin: Standing,
) -> None:
    for who in (picker, manager, company_admin, super_admin):
        got = await fetch(client, kind, papers[kind], who.token)
        assert got.status_code == 200
        assert got.headers["content-type"] == "application/pdf"
        assert got.headers["cache-control"] == "private, no-store"
        assert got.content.startswith(b"%PDF-")
    for stranger in (customer, rider, other_company_admin):
        got = await fetch(client, kind, papers[kind], stranger.token)
        assert (got.status_code, got.json()) == (404, {"code": "NOT_FOUND"})
    assert (await fetch(client, kind, papers[kind])).status_code == 401
    assert (await fetch(client, kind, papers[kind], "nonsense")).status_code == 401


async def test_what_is_no_id_is_not_found(client: httpx.AsyncClient, picker: Standing) -> None:
    for name in ("x", "ful_" + "A" * 22, "..%2f..%2fetc", "%00", "ful_%F0%9F%98%80"):
        assert (await fetch(client, "packing-slips", name, picker.token)).status_code == 404


async def test_the_graph_says_where_papers_are(
    house: House, town: City, client: httpx.AsyncClient, picker: Standing
) -> None:
    desk: Any = await picker.run(operation("store_desk"), {"id": id_of(town.near)})
    address = desk["store"]["manifestUrl"]
    got = await client.get(address, headers={"authorization": f"Bearer {picker.token}"})
    assert got.status_code == 200
    other = await stand(house, "Other", *picker.actor.grants)
    elsewhere: Any = await other.run(operation("store_desk"), {"id": id_of(town.far)})
    assert elsewhere["store"]["manifestUrl"] is None
