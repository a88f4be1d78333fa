"""Composes the ASGI application of a serving process: routes, authentication, dependencies."""

from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from resolvers.context import Container
from server import gc_settings
from server.auth.header_authenticator import HeaderAuthenticator
from server.clock_check import checked_clock
from server.container import build_storage, open_container
from server.endpoints.file_transfers import file_transfer_routes
from server.endpoints.metrics import metrics_routes
from server.endpoints.oauth import oauth_routes
from server.endpoints.payment_webhooks import PaymentWebhooks
from server.endpoints.pdf_downloads import pdf_routes
from server.endpoints.probes import probe_routes
from server.endpoints.rider_positions import POSITIONS_PATH, RiderPositions
from server.endpoints.stock_uploads import StockFiles
from server.endpoints.unknown_addresses import UnknownAddresses
from server.graphql_engine import build_engine
from server.persisted_queries.lookup import PersistedQueries, open_persisted_queries
from server.rate_limit.budgets import CallerBudgets
from server.rate_limit.callers import CallerBucketSizes
from server.rate_limit.redis_sync import RedisBucketSync
from server.settings import Settings
from server.transport.client_address import TrustedProxies
from server.transport.connection_caps import ConnectionCaps
from server.transport.connections import LiveConnections
from server.transport.limits import TransportLimits
from server.transport.listening_socket import connection_capacity
from server.transport.routes import graphql_routes
from services.core.rate_limiter import RateLimiter

GRAPHQL_PATH = "/graphql"
STRIPE_WEBHOOK_PATH = "/webhooks/stripe"
ALLOWED_HEADERS = (
    "authorization",
    "content-type",
    "device-token",
    "graphql-preflight",
    "idempotency-key",
)


class ServerApplication(Starlette):
    """The application. It routes the most frequent request, a rider's positions, by itself."""

    def __init__(
        self,
        authenticator: HeaderAuthenticator,
        connections: LiveConnections,
        budgets: CallerBudgets,
        *,
        caps: ConnectionCaps | None = None,
        **options: Any,
    ) -> None:
        unknown = UnknownAddresses(budgets)
        super().__init__(exception_handlers=unknown.handlers, **options)
        self.router.default = unknown
        # An address with one more slash is another one: a redirect would be free.
        self.router.redirect_slashes = False
        self.connections = connections
        self.caps = caps or ConnectionCaps()
        self._positions = RiderPositions(authenticator, budgets)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == POSITIONS_PATH:
            await self._positions(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


@asynccontextmanager
async def open_app(settings: Settings) -> AsyncIterator[ServerApplication]:
    """The application, with its dependencies open, for the block."""
    budgets = build_budgets(settings)
    documents = open_persisted_queries(settings)
    async with (
        open_container(settings) as container,
        checked_clock(container.database),
        shared_rate_limits(settings, budgets.limiter, container.authenticator.strangers),
        aclosing(documents),
        aclosing(PaymentWebhooks(container.database, container.payments, budgets)) as webhooks,
    ):
        app = _build_app(settings, container, webhooks, budgets, documents)
        gc_settings.freeze_gc()
        yield app
        await app.connections.drain(spread_seconds=0, grace_seconds=1)


def build_budgets(settings: Settings) -> CallerBudgets:
    """What callers may spend; nothing is limited when the setting is 0."""
    per_second = settings.budget_per_second
    return CallerBudgets(sizes=CallerBucketSizes.of(per_second) if per_second else None)


@asynccontextmanager
async def shared_rate_limits(settings: Settings, *limiters: RateLimiter) -> AsyncIterator[None]:
    """Share what callers spend with the other processes during the block."""
    if not settings.redis_url:
        yield
        return
    sync = RedisBucketSync(limiters, settings.redis_url)
    sync.start()
    try:
        yield
    finally:
        await sync.close()


def _build_app(
    settings: Settings,
    container: Container,
    webhooks: PaymentWebhooks,
    budgets: CallerBudgets,
    documents: PersistedQueries,
) -> ServerApplication:
    network, capacity = settings.network, connection_capacity()
    per_address = network.connections_per_address
    connections = LiveConnections(capacity, per_address)
    proxies = TrustedProxies(network.trusted_proxies, network.forwarded_header)
    authenticator = HeaderAuthenticator(container, budgets)
    routes: list[BaseRoute] = [
        *graphql_routes(
            GRAPHQL_PATH,
            build_engine(settings, budgets),
            authenticator,
            connections=connections,
            limits=TransportLimits(),
            origins=settings.origins,
            get=settings.development,
            documents=documents,
        ),
        *pdf_routes(authenticator, budgets),
        *oauth_routes(container.authenticator, budgets),
        Route(STRIPE_WEBHOOK_PATH, webhooks.receive, methods=["POST"]),
        *StockFiles(authenticator, build_storage(settings), budgets).routes,
        *file_transfer_routes(container, authenticator, budgets),
        *probe_routes(container.database, connections),
        *metrics_routes(container, settings.development, settings.metrics_token, budgets),
    ]
    routes += _development_routes() if settings.development else []
    return ServerApplication(
        authenticator,
        connections,
        budgets,
        caps=ConnectionCaps(capacity, per_address, proxies),
        routes=routes,
        middleware=_middleware(settings),
    )


def _development_routes() -> list[BaseRoute]:
    """The explorer. It is imported in development only, as the demo's accounts come with it."""
    from server.endpoints.explorer import explorer_routes

    return explorer_routes()


def _middleware(settings: Settings) -> list[Middleware]:
    if not settings.origins:
        return []
    return [
        Middleware(
            CORSMiddleware,
            allow_origins=sorted(settings.origins),
            allow_methods=["GET", "POST", "PUT"],
            allow_headers=list(ALLOWED_HEADERS),
        )
    ]
