"""Serves on PORT: `python -m benchmarks.peers.plain`, the database's address in the environment."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import asyncpg
import strawberry
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.extensions import ParserCache, ValidationCache
from strawberry.schema.config import StrawberryConfig

from benchmarks.peers.plain.batches import STATEMENTS, Batches, of
from benchmarks.peers.plain.catalog import BIG, GeoPointInput, Storefront, store
from benchmarks.peers.plain.order import Order, order
from models import ids
from models.orders import Order as OrderRow


@strawberry.type
class OrderConnection:
    nodes: list[Order]


@strawberry.type
class Customer:
    key: strawberry.Private[UUID]

    @strawberry.field
    async def orders(self, info: strawberry.Info, first: int) -> OrderConnection:
        rows = await of(info).read("orders", self.key, first)
        return OrderConnection(nodes=[order(row) for row in rows])


@strawberry.type
class Viewer:
    customer: Customer | None


@strawberry.type
class Query:
    @strawberry.field
    async def storefront(self, info: strawberry.Info, location: GeoPointInput) -> Storefront | None:
        rows = await of(info).read("storefront", location.latitude, location.longitude)
        return Storefront(store=store(rows[0]), place=rows[0]) if rows else None

    @strawberry.field
    async def order(self, info: strawberry.Info, id: strawberry.ID) -> Order | None:
        key = ids.decode_id(OrderRow, id)
        rows = await of(info).read("order", key, info.context["person"])
        return order(rows[0]) if rows else None

    @strawberry.field
    async def viewer(self, info: strawberry.Info) -> Viewer | None:
        rows = await of(info).read("person", info.context["person"])
        return Viewer(customer=Customer(key=rows[0]["id"])) if rows else None


class Served(GraphQL[Any, Any]):
    """Gives each request its loaders and its person."""

    pool: Any

    async def get_context(
        self, request: Request | WebSocket, response: Response | WebSocket
    ) -> dict[str, Any]:
        person = request.headers.get("x-person")
        return {"batches": Batches(self._read), "person": UUID(person) if person else None}

    async def _read(self, name: str, *values: Any) -> list[Any]:
        async with self.pool.acquire() as connection:
            rows: list[Any] = await connection.fetch(STATEMENTS[name], *values)
        return rows


def application() -> Starlette:
    """The application; its pool opens with it."""
    schema = strawberry.Schema(
        Query,
        config=StrawberryConfig(scalar_map=BIG),
        extensions=[lambda: ParserCache(maxsize=100), lambda: ValidationCache(maxsize=100)],
    )
    served = Served(schema, graphql_ide=None)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        served.pool = await asyncpg.create_pool(
            host=os.environ["BENCH_HOST"],
            port=int(os.environ["BENCH_PORT"]),
            user=os.environ["BENCH_USER"],
            database=os.environ["BENCH_DATABASE"],
            max_size=int(os.environ["BENCH_POOL"]),
        )
        yield
        await served.pool.close()

    return Starlette(routes=[Route("/graphql", served)], lifespan=lifespan)


if __name__ == "__main__":
    uvicorn.run(
        application(), port=int(os.environ["PORT"]), loop="uvloop", http="httptools",
        access_log=False, log_level="warning",
    )  # fmt: skip
