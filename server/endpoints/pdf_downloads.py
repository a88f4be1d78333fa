"""Paper over HTTP: slips, manifests and receipts as PDF, for who signs in as in the graph."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from database.base import Keyed
from gateways import paper
from models.counter_sales import CounterSale
from models.fulfillment import Fulfillment
from models.identity import Actor
from models.ids import decode
from models.stores import Store
from server.auth.edge import Edge
from server.errors import passing
from server.transport import Denied
from services.core.problems import Refused
from services.operations import documents

AT_ONCE = 4
PDF = "application/pdf"
KEPT = {"cache-control": "private, no-store"}

Read = Callable[..., Awaitable[Any]]
Draw = Callable[[Any], bytes]


def document_routes(edge: Edge) -> list[BaseRoute]:
    """The three kinds of paper, each under the id of what it is about."""
    turn = asyncio.Semaphore(AT_ONCE)

    def route(path: str, model: type[Keyed], key: str, read: Read, draw: Draw) -> Route:
        async def serve(request: Request) -> Response:
            return await _serve(request, edge, turn, (model, key, read, draw))

        return Route(f"/documents/{path}/{{id}}.pdf", serve, methods=["GET"])

    return [
        route("packing-slips", Fulfillment, "fulfillment_id", documents.slip, paper.packing_slip),
        route("manifests", Store, "store_id", documents.manifest, paper.manifest),
        route("receipts", CounterSale, "counter_sale_id", documents.receipt, paper.receipt),
    ]


async def _serve(
    request: Request,
    edge: Edge,
    turn: asyncio.Semaphore,
    kind: tuple[type[Keyed], str, Read, Draw],
) -> Response:
    model, name, read, draw = kind
    opened = await edge.open(request.headers, client=request.client.host if request.client else "")
    if isinstance(opened, Denied):
        return _said(opened.status, opened.code)
    actor: Actor = opened.context.actor
    if not actor.signed_in:
        return _said(401, "UNAUTHENTICATED")
    if actor.app_id is not None:
        return _said(403, "FORBIDDEN")  # paper is for people; apps read the graph
    key = decode(model, request.path_params["id"])
    if key is None:
        return _said(404, "NOT_FOUND")
    try:
        async with opened.context.read() as session:
            told = await read(session, actor=actor, **{name: key})
    except Refused:
        return _said(404, "NOT_FOUND")
    except Exception as error:
        if not passing(error):
            raise
        return _said(503, "UNAVAILABLE")
    async with turn:
        drawn = await asyncio.to_thread(draw, told)
    return Response(drawn, media_type=PDF, headers=KEPT)


def _said(status: int, code: str) -> Response:
    return JSONResponse({"code": code}, status_code=status, headers=KEPT)
