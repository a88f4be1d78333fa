"""Packing slips, manifests and receipts: for the staff of the store, not found for others."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from database.audit import AuditContext
from database.scope import PLATFORM
from models.counter_sales import PosSale
from models.fulfillment import Fulfillment
from models.ids import encode_id
from models.stores import Store
from resolvers import prices
from resolvers.context import Container
from server.auth.header_authenticator import HeaderAuthenticator
from server.endpoints.pdf_downloads import pdf_routes
from server.rate_limit.budgets import CallerBudgets
from server.rate_limit.callers import CallerBucketSizes
from services.core.rate_limiter import RateLimiter
from services.core.token_bucket import BucketSize
from tests.support.actors import ActorClient, create_client
from tests.support.city import City
from tests.support.graph_queries import operation, public_id
from tests.support.order_rows import create_order_rows


@pytest.fixture
async def client(container: Container) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(
        app=Starlette(routes=pdf_routes(HeaderAuthenticator(container)))
    )
    async with httpx.AsyncClient(transport=transport, base_url="http://store") as client:
        yield client


@pytest.fixture
async def documents(
    container: Container, shared_city: City, customer: ActorClient
) -> dict[str, str]:
    """The id of one document of each kind, in the city's near store."""
    async with container.database.write(PLATFORM, AuditContext("test")) as session:
        keys = await create_order_rows(session, shared_city.first, customer.id)
    return {
        "packing-slips": encode_id(Fulfillment, keys[Fulfillment]),
        "manifests": encode_id(Store, shared_city.near.id),
        "receipts": encode_id(PosSale, keys[PosSale]),
    }


async def fetch(client: httpx.AsyncClient, kind: str, id: str, token: str = "") -> httpx.Response:
    headers = {"authorization": f"Bearer {token}"} if token else {}
    return await client.get(f"/documents/{kind}/{id}.pdf", headers=headers)


@pytest.mark.parametrize("kind", ["packing-slips", "manifests", "receipts"])
async def test_a_document_is_for_the_staff_of_its_store(
    kind: str,
    client: httpx.AsyncClient,
    documents: dict[str, str],
    picker: ActorClient,
    manager: ActorClient,
    company_admin: ActorClient,
    super_admin: ActorClient,
    customer: ActorClient,
    rider: ActorClient,
    other_company_admin: ActorClient,
) -> None:
    for who in (picker, manager, company_admin, super_admin):
        response = await fetch(client, kind, documents[kind], who.token)
        assert response.status_code == 200
        assert response.headers["content-type"] == "application/pdf"
        assert response.headers["cache-control"] == "private, no-store"
        assert response.content.startswith(b"%PDF-")
    for other in (customer, rider, other_company_admin):
        response = await fetch(client, kind, documents[kind], other.token)
        assert (response.status_code, response.json()["code"]) == (404, "NOT_FOUND")
    assert (await fetch(client, kind, documents[kind])).status_code == 401
    assert (await fetch(client, kind, documents[kind], "nonsense")).status_code == 401


async def test_an_invalid_id_is_not_found(client: httpx.AsyncClient, picker: ActorClient) -> None:
    for name in ("x", "ful_" + "A" * 22, "..%2f..%2fetc", "%00", "ful_%F0%9F%98%80"):
        assert (await fetch(client, "packing-slips", name, picker.token)).status_code == 404


async def test_the_graph_has_the_url_of_the_manifest(
    container: Container, shared_city: City, client: httpx.AsyncClient, picker: ActorClient
) -> None:
    data: Any = await picker.run(operation("store_desk"), {"id": public_id(shared_city.near)})
    address = data["store"]["manifestUrl"]
    response = await client.get(address, headers={"authorization": f"Bearer {picker.token}"})
    assert response.status_code == 200
    other = await create_client(container, "Other", *picker.actor.grants)
    other_data: Any = await other.run(operation("store_desk"), {"id": public_id(shared_city.far)})
    assert other_data["store"]["manifestUrl"] is None


async def test_the_lines_of_a_pdf_are_paid_for_before_it_is_printed(
    container: Container, documents: dict[str, str], picker: ActorClient
) -> None:
    """PDFs at once were printed into a debt that has an end: each needed only its first units."""
    sizes = replace(
        CallerBucketSizes.of(1_000), person=BucketSize(prices.OPERATION + prices.PDF, 1)
    )
    budgets = CallerBudgets(RateLimiter(lambda: 0.0), sizes)
    routes = pdf_routes(HeaderAuthenticator(container, budgets), budgets)
    transport = httpx.ASGITransport(app=Starlette(routes=routes))
    async with httpx.AsyncClient(transport=transport, base_url="http://store") as client:
        response = await fetch(client, "packing-slips", documents["packing-slips"], picker.token)
    assert (response.status_code, int(response.headers["retry-after"]) > 0) == (429, True)
