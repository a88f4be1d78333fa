"""Uploads of stock files, and downloads of the invalid rows of an import."""

import asyncio
import csv
import io
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AbstractContextManager
from typing import Any
from uuid import UUID

from sqlalchemy.exc import DBAPIError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from gateways.storage import FileOverLimit, FileStorage, StorageFull
from models.ids import encode_id
from models.imports import StockImport, StockImportFile, StockImportRow
from models.message_text import duration_text
from resolvers import prices
from resolvers.context import Context
from resolvers.rules import MANAGER
from server.auth.header_authenticator import HeaderAuthenticator
from server.endpoints.http_rejection import HttpRejection
from server.endpoints.paid_work import paying_caller, reserve_cost, wait_for_cost
from server.endpoints.upload_slots import UploadSlots
from server.errors import retry_after_of
from server.rate_limit.budgets import COST_HEADER, CallerBudgets
from services.core.problems import DomainError, NotFound, Problem, RateLimited, parse_id
from services.core.text import parse_line
from services.core.transient_errors import is_transient
from services.imports import stock_imports
from services.imports.file_layout import MAX_HEAD_BYTES

log = logging.getLogger("darkstore.imports")

UPLOAD_PATH = "/imports"
UPLOAD_SECONDS = 120.0
MAX_CONCURRENT_UPLOADS = 32
MAX_CONCURRENT_DOWNLOADS = 32
PAGE_SECONDS = 120.0
"""How long a page of a download may wait for its caller's budget; then the download breaks off."""
CSV = "text/csv; charset=utf-8"
PAGE_ROWS = 1_000
COLUMNS = ("line", "store", "product", "quantity", "field", "fault", "message")
# A spreadsheet evaluates a text with such a beginning.
FORMULA_PREFIXES = ("=", "+", "-", "@", "\t", "\r")
# "" is a request without the header; what a spreadsheet saved as CSV is sent as by browsers too.
FILE_MEDIA_TYPES = frozenset({
    "", "text/csv", "text/plain", "text/tab-separated-values", "application/csv",
    "application/vnd.ms-excel", "application/octet-stream", "application/x-ndjson",
    "application/ndjson", "application/jsonl", "application/x-jsonlines",
})  # fmt: skip
NOT_A_FILE = (
    "The body is the file itself, with content-type text/csv or application/x-ndjson, not a form"
    " and not a JSON document. With curl: --data-binary @stock.csv -H 'content-type: text/csv'."
)
EMPTY = "The file is empty: the body of the request is the file itself."
TOO_LARGE = f"A file has at most {stock_imports.MAX_FILE_BYTES // 1024**2} MB."
Handler = Callable[[Request, Context], Awaitable[Response]]


class ReceivedFile:
    """The body of an upload: its beginning, and how much of it has arrived."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self.head = bytearray()
        self.size_bytes = 0

    async def chunks(self) -> AsyncIterator[bytes]:
        """The pieces in which it arrives."""
        async for chunk in self._request.stream():
            self.head += chunk[: MAX_HEAD_BYTES - len(self.head)]
            self.size_bytes += len(chunk)
            yield chunk


class DownloadResponse(StreamingResponse):
    """A download that gives its place back when it ends, also when its client is gone."""

    def __init__(
        self, lines: AsyncIterator[str], place: AbstractContextManager[None], **options: Any
    ) -> None:
        super().__init__(lines, **options)
        self._place = place

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._place.__exit__(None, None, None)


class StockFiles:
    """The endpoints, for people who manage stores."""

    def __init__(
        self,
        authenticator: HeaderAuthenticator,
        storage: FileStorage,
        budgets: CallerBudgets | None = None,
    ) -> None:
        self._budgets = budgets or CallerBudgets()
        self._authenticator = authenticator
        self._storage = storage
        self._slots = UploadSlots(MAX_CONCURRENT_UPLOADS)
        self._download_slots = UploadSlots(MAX_CONCURRENT_DOWNLOADS)

    @property
    def routes(self) -> list[Route]:
        errors = f"{UPLOAD_PATH}/{{id}}/errors.csv"
        return [
            Route(UPLOAD_PATH, self._endpoint(self._upload), methods=["POST"]),
            Route(errors, self._endpoint(self._download_errors), methods=["GET"]),
        ]

    def _endpoint(self, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        """An endpoint that authenticates managers, and answers every error in one shape."""

        async def endpoint(request: Request) -> Response:
            try:
                return await handler(request, await self._authenticate(request))
            except HttpRejection as rejected:
                return rejected.response()
            except DomainError as error:
                return _problem_response(error.problems[0])
            except ClientDisconnect:
                return Response(status_code=400)
            except Exception as error:
                if not is_transient(error):
                    raise
                log.warning("a file could not be stored or sent: %s", error)
                message = "Too much is going on: try again."
                return HttpRejection(503, "UNAVAILABLE", message).response()

        return endpoint

    async def _authenticate(self, request: Request) -> Context:
        headers = {name.lower(): value for name, value in request.headers.items()}
        client = request.client.host if request.client else "unknown"
        context = await paying_caller(self._authenticator, self._budgets, headers, client)
        if context.actor.app_id is not None:
            message = "Files are taken from people: apps use stockBulkSet."
            raise HttpRejection(403, "FORBIDDEN", message)
        if (denied := MANAGER.denial(context)) is not None:
            status = 403 if context.actor.signed_in else 401
            raise HttpRejection(status, denied.code, str(denied))
        return context

    async def _upload(self, request: Request, context: Context) -> Response:
        """Store a file: 201 with its id, which stockImportStart takes."""
        _check_headers(request)
        name = parse_line(
            request.query_params.get("name", ""), "name", max_length=stock_imports.MAX_NAME_LENGTH
        )
        async with context.read() as session:
            await stock_imports.check_upload_limit(session, actor=context.actor)
        with self._slots.taken_by(context.actor):
            file = ReceivedFile(request)
            reserved = reserve_cost(self._budgets, context, prices.UPLOAD)
            try:
                upload = await self._store(file, context, name)
            finally:
                # What has arrived was work, whether it is stored or not.
                self._budgets.settle(reserved, prices.upload_price(file.size_bytes))
        cost = prices.upload_price(upload.size_bytes)
        body = {
            "stockImportFileId": encode_id(StockImportFile, upload.id),
            "sizeBytes": upload.size_bytes,
        }
        return JSONResponse(body, 201, {COST_HEADER: str(cost)})

    async def _store(self, file: ReceivedFile, context: Context, name: str) -> StockImportFile:
        upload = StockImportFile(person_id=context.actor.person_id, size_bytes=0)
        file_name = encode_id(StockImportFile, upload.id)
        try:
            async with asyncio.timeout(UPLOAD_SECONDS):
                size = await self._storage.store(
                    file_name, file.chunks(), stock_imports.MAX_FILE_BYTES
                )
        except FileOverLimit:
            raise HttpRejection(413, "PAYLOAD_TOO_LARGE", TOO_LARGE) from None
        except StorageFull:
            raise HttpRejection(507, "STORAGE_FULL", "There is no room for files now.") from None
        except TimeoutError:
            message = f"The file did not arrive within {duration_text(UPLOAD_SECONDS)}."
            raise HttpRejection(408, "REQUEST_TIMEOUT", message) from None
        upload.size_bytes, upload.head = size, bytes(file.head)
        try:
            if not size:
                raise HttpRejection(400, "INVALID_INPUT", EMPTY)
            async with context.write("stockUpload") as session:
                return await stock_imports.save_upload(
                    session, actor=context.actor, upload=upload, name=name
                )
        except (DomainError, DBAPIError, HttpRejection):
            await self._storage.delete(file_name)
            raise

    async def _download_errors(self, request: Request, context: Context) -> Response:
        """The invalid rows of an import, as CSV."""
        key = parse_id(StockImport, request.path_params["id"], "id")
        reserve_cost(self._budgets, context, prices.DOWNLOAD)
        async with context.read() as session:
            await stock_imports.visible_import(session, actor=context.actor, import_id=key)
        headers = {
            "content-disposition": 'attachment; filename="errors.csv"',
            "cache-control": "no-store",
            COST_HEADER: str(prices.DOWNLOAD),
        }
        place = self._download_slots.taken_by(context.actor)
        place.__enter__()  # raises before anything is sent; the response gives it back
        return DownloadResponse(
            self._invalid_rows(context, key), place, media_type=CSV, headers=headers
        )

    async def _invalid_rows(self, context: Context, key: UUID) -> AsyncIterator[str]:
        yield _csv([COLUMNS])
        last_number = 0
        while True:
            async with asyncio.timeout(PAGE_SECONDS):
                reserved = await wait_for_cost(self._budgets, context, prices.DOWNLOAD_PAGE)
            async with context.read() as session:
                rows = await stock_imports.invalid_rows(session, key, last_number, PAGE_ROWS)
            if not rows:
                self._budgets.settle(reserved, 0)
                return
            yield _csv(_cells(row) for row in rows)
            last_number = rows[-1].number


def _check_headers(request: Request) -> None:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type not in FILE_MEDIA_TYPES:
        raise HttpRejection(415, "UNSUPPORTED_MEDIA_TYPE", NOT_A_FILE)
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise HttpRejection(
            415, "UNSUPPORTED_MEDIA_TYPE", "Send the file without content-encoding."
        )
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared[:20]) > stock_imports.MAX_FILE_BYTES:
        raise HttpRejection(413, "PAYLOAD_TOO_LARGE", TOO_LARGE)


def _cells(row: StockImportRow) -> list[str]:
    texts = (row.store, row.product, row.quantity, row.field, row.code or "", row.message)
    return [str(row.number), *(_escape_formula(text) for text in texts)]


def _escape_formula(text: str) -> str:
    """Quote a text that a spreadsheet would take for a formula; numbers are left as they are."""
    is_formula = text.startswith(FORMULA_PREFIXES) and not text.lstrip("+-").isdigit()
    return f"'{text}" if is_formula else text


def _csv(rows: Iterable[Iterable[str]]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer).writerows(rows)
    return buffer.getvalue()


def _problem_response(problem: Problem) -> Response:
    match problem:
        case NotFound():
            return HttpRejection(404, "NOT_FOUND", problem.message).response()
        case RateLimited():
            wait = retry_after_of(problem)
            return HttpRejection(429, "RATE_LIMITED", problem.message, **wait).response()
    return HttpRejection(400, "INVALID_INPUT", problem.message).response()
