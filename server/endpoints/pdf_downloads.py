"""Packing slips, pickup manifests and receipts as PDF, for callers who sign in as in the graph."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from database.base import Entity
from gateways import pdf_documents
from models.counter_sales import CounterSale
from models.fulfillment import Fulfillment
from models.identity import Actor
from models.ids import decode_id
from models.stores import Store
from server.auth.header_authenticator import HeaderAuthenticator
from server.transport.authentication import AuthenticationFailure, authentication_of
from services.core.problems import DomainError
from services.core.transient_errors import is_transient
from services.operations import documents

MAX_CONCURRENT_RENDERS = 4
PDF = "application/pdf"
NOT_STORED = {"cache-control": "private, no-store"}


@dataclass(frozen=True, slots=True)
class PdfDocument:
    """One kind of document: its path, what its id names, how to read and to render it."""

    path: str
    model: type[Entity]
    id_parameter: str
    read: Callable[..., Awaitable[Any]]
    render: Callable[[Any], bytes]


DOCUMENTS = (
    PdfDocument(
        "packing-slips",
        Fulfillment,
        "fulfillment_id",
        documents.read_packing_slip,
        pdf_documents.render_packing_slip,
    ),
    PdfDocument(
        "manifests", Store, "store_id", documents.read_manifest, pdf_documents.render_manifest
    ),
    PdfDocument(
        "receipts",
        CounterSale,
        "counter_sale_id",
        documents.read_receipt,
        pdf_documents.render_receipt,
    ),
)


def pdf_routes(authenticator: HeaderAuthenticator) -> list[BaseRoute]:
    """A route for each kind of document, by the id of what it is about."""
    render_slots = asyncio.Semaphore(MAX_CONCURRENT_RENDERS)

    def route(document: PdfDocument) -> Route:
        async def serve(request: Request) -> Response:
            return await _serve(request, authenticator, render_slots, document)

        return Route(f"/documents/{document.path}/{{id}}.pdf", serve, methods=["GET"])

    return [route(document) for document in DOCUMENTS]


async def _serve(
    request: Request,
    authenticator: HeaderAuthenticator,
    render_slots: asyncio.Semaphore,
    document: PdfDocument,
) -> Response:
    client = request.client.host if request.client else ""
    caller = await authentication_of(authenticator, request.headers, client)
    if isinstance(caller, AuthenticationFailure):
        return _error(caller.status, caller.code)
    actor: Actor = caller.context.actor
    if not actor.signed_in:
        return _error(401, "UNAUTHENTICATED")
    if actor.app_id is not None:
        return _error(403, "FORBIDDEN")  # documents are for people; apps read the graph
    key = decode_id(document.model, request.path_params["id"])
    if key is None:
        return _error(404, "NOT_FOUND")
    try:
        async with caller.context.read() as session:
            content = await document.read(session, actor=actor, **{document.id_parameter: key})
    except DomainError:
        return _error(404, "NOT_FOUND")
    except Exception as error:
        if not is_transient(error):
            raise
        return _error(503, "UNAVAILABLE")
    async with render_slots:
        pdf = await asyncio.to_thread(document.render, content)
    return Response(pdf, media_type=PDF, headers=NOT_STORED)


def _error(status: int, code: str) -> Response:
    return JSONResponse({"code": code}, status_code=status, headers=NOT_STORED)
