"""Puts the ASGI application together: routes, the edge, the house they work in."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from server import gc_settings
from server.auth.edge import Edge
from server.container import open_house
from server.endpoints.explorer import explorer_routes
from server.endpoints.metrics import metrics_routes
from server.endpoints.oauth import oauth_routes
from server.endpoints.payment_webhooks import Worker, stripe_webhook
from server.endpoints.pdf_downloads import document_routes
from server.endpoints.probes import PROBES
from server.endpoints.rider_positions import POSITIONS_PATH, REQUESTS, RiderPositions
from server.endpoints.stock_uploads import Imports, open_storage
from server.graphql_engine import open_engine
from server.persisted_queries.library import open_library
from server.rate_limit import Allowances, Ledger, Size
from server.settings import Settings
from server.transport import LiveConnections, WireLimits, graphql_routes, room_for_connections

GRAPH_PATH = "/graphql"
WEBHOOK_PATH = "/webhooks/stripe"
ALLOWED_HEADERS = ("authorization", "content-type", "idempotency-key", "graphql-preflight")


class Store(Starlette):
    """The application, with one door before all others: that of the most frequent request."""

    def __init__(self, edge: Edge, size: Size = REQUESTS, **given: Any) -> None:
        super().__init__(**given)
        self._positions = RiderPositions(edge, size)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == POSITIONS_PATH:
            await self._positions(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


def build_app(settings: Settings) -> Starlette:
    """The application; it opens the house when it starts and closes it when it ends."""
    connections = LiveConnections(room_for_connections())
    allowances = Allowances()
    library = open_library(settings)
    edge = Edge()

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with open_house(settings) as house, telling(settings, allowances), aclosing(library):
            edge.house = app.state.house = house
            worker = Worker(house.database, house.payments)
            app.state.take_notice = stripe_webhook(house.database, house.payments, worker)
            gc_settings.settle()
            yield
            await connections.drain(spread_seconds=0, grace_seconds=1)
            await worker.close()

    routes: list[BaseRoute] = [
        *graphql_routes(
            GRAPH_PATH,
            open_engine(settings, allowances),
            edge,
            connections=connections,
            limits=WireLimits(),
            origins=settings.origins,
            get=settings.development,
            library=library,
        ),
        *document_routes(edge),
        *oauth_routes(edge),
        Route(WEBHOOK_PATH, take_notice, methods=["POST"]),
        *Imports(edge, open_storage(settings)).routes,
        *operator_routes(settings),
    ]
    if settings.development:
        routes.extend(explorer_routes())
    app = Store(edge, routes=routes, lifespan=lifespan, middleware=_middleware(settings))
    app.state.connections = connections
    return app


@asynccontextmanager
async def telling(settings: Settings, allowances: Allowances) -> AsyncIterator[None]:
    """Share what callers spend with the other processes while the block runs."""
    if not settings.redis_url or not settings.budget_per_second:
        yield
        return
    ledger = Ledger(allowances, settings.redis_url)
    ledger.start()
    try:
        yield
    finally:
        await ledger.close()


async def take_notice(request: Request) -> Response:
    """What the payment provider has to say; the endpoint itself opens with the house."""
    endpoint: Callable[[Request], Awaitable[Response]] = request.app.state.take_notice
    return await endpoint(request)


def operator_routes(settings: Settings) -> list[Route]:
    """What those who run the processes ask of each of them."""
    return [*PROBES, *metrics_routes(settings.development, settings.metrics_token)]


def _middleware(settings: Settings) -> list[Middleware]:
    if not settings.origins:
        return []
    return [
        Middleware(
            CORSMiddleware,
            allow_origins=sorted(settings.origins),
            allow_methods=["GET", "POST"],
            allow_headers=list(ALLOWED_HEADERS),
        )
    ]
