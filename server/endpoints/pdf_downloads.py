"""Packing slips, pickup manifests and receipts as PDF, for callers who sign in as in the graph."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from database.base import Entity
from gateways import pdf_documents
from models.counter_sales import PosSale
from models.fulfillment import Fulfillment
from models.ids import decode_id
from models.stores import Store
from resolvers import prices
from resolvers.context import Context
from server.auth.header_authenticator import HeaderAuthenticator
from server.endpoints.http_rejection import HttpRejection
from server.endpoints.paid_work import paying_caller, reserve_cost
from server.rate_limit.budgets import COST_HEADER, CallerBudgets
from services.core.problems import DomainError
from services.core.transient_errors import is_transient
from services.operations import documents

MAX_CONCURRENT_RENDERS = 4
PDF = "application/pdf"
NOT_FOUND = "There is no such document."
NOT_STORED = {"cache-control": "private, no-store"}


@dataclass(frozen=True, slots=True)
class PdfDocument:
    """One kind of document: its path, what its id names, how to read and to render it."""

    path: str
    model: type[Entity]
    id_parameter: str
    read: Callable[..., Awaitable[Any]]
    render: Callable[[Any], bytes]
    count: Callable[[Any], int]
    """The number of its lines."""


def _count_lines(content: Any) -> int:
    return len(content.lines)


DOCUMENTS = (
    PdfDocument(
        "packing-slips",
        Fulfillment,
        "fulfillment_id",
        documents.read_packing_slip,
        pdf_documents.render_packing_slip,
        _count_lines,
    ),
    PdfDocument(
        "manifests",
        Store,
        "store_id",
        documents.read_manifest,
        pdf_documents.render_manifest,
        lambda manifest: len(manifest.orders),
    ),
    PdfDocument(
        "receipts",
        PosSale,
        "counter_sale_id",
        documents.read_receipt,
        pdf_documents.render_receipt,
        _count_lines,
    ),
)


def pdf_routes(
    authenticator: HeaderAuthenticator, budgets: CallerBudgets | None = None
) -> list[BaseRoute]:
    """A route for each kind of document, by the id of what it is about."""
    render_slots = asyncio.Semaphore(MAX_CONCURRENT_RENDERS)
    paid_by = budgets or CallerBudgets()

    def route(document: PdfDocument) -> Route:
        async def serve(request: Request) -> Response:
            try:
                content = await _read(request, authenticator, paid_by, document)
            except HttpRejection as rejected:
                return _error(rejected)
            return await _render(document, content, render_slots)

        return Route(f"/documents/{document.path}/{{id}}.pdf", serve, methods=["GET"])

    return [route(document) for document in DOCUMENTS]


@dataclass(frozen=True, slots=True)
class PaidContent:
    """The content of a document, and what it has cost."""

    content: Any
    cost: int


async def _read(
    request: Request,
    authenticator: HeaderAuthenticator,
    budgets: CallerBudgets,
    document: PdfDocument,
) -> PaidContent:
    """Read what is to be printed, if the caller may have it and can pay; raises HttpRejection."""
    client = request.client.host if request.client else ""
    context = await paying_caller(authenticator, budgets, request.headers, client)
    if not context.actor.signed_in:
        raise HttpRejection(401, "UNAUTHENTICATED", "Sign in.")
    if context.actor.app_id is not None:
        raise HttpRejection(403, "FORBIDDEN", "Documents are for people: apps read the graph.")
    key = decode_id(document.model, request.path_params["id"])
    if key is None:
        raise HttpRejection(404, "NOT_FOUND", NOT_FOUND)
    reserve_cost(budgets, context, prices.PDF)
    content = await _read_content(context, document, key)
    lines = prices.PDF_LINE * document.count(content)
    reserve_cost(budgets, context, lines)
    return PaidContent(content, prices.PDF + lines)


async def _read_content(context: Context, document: PdfDocument, key: UUID) -> Any:
    try:
        async with context.read() as session:
            return await document.read(session, actor=context.actor, **{document.id_parameter: key})
    except DomainError:
        raise HttpRejection(404, "NOT_FOUND", NOT_FOUND) from None
    except Exception as error:
        if not is_transient(error):
            raise
        raise HttpRejection(503, "UNAVAILABLE", "Too much is going on: try again.") from None


async def _render(
    document: PdfDocument, paid: PaidContent, render_slots: asyncio.Semaphore
) -> Response:
    async with render_slots:
        pdf = await asyncio.to_thread(document.render, paid.content)
    headers = NOT_STORED | {COST_HEADER: str(paid.cost)}
    return Response(pdf, media_type=PDF, headers=headers)


def _error(rejected: HttpRejection) -> Response:
    response = rejected.response()
    response.headers.update(NOT_STORED)
    return response
