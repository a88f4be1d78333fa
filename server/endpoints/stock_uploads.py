"""The doors for files: one by which files of stock come in, one by which bad rows go out."""

import asyncio
import csv
import io
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from pathlib import Path
from uuid import UUID

from sqlalchemy.exc import DBAPIError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from gateways.storage import DiskStorage, FileTooLarge, Storage, StorageFull
from models.ids import encode
from models.imports import StockImport, StockImportRow, StockUpload
from resolvers.context import Context
from resolvers.rules import MANAGER
from server.auth.edge import Edge
from server.errors import passing
from server.settings import Settings
from server.transport import Denied
from services.core.problems import NotFound, Problem, RateLimited, Refused, key_of
from services.core.text import line
from services.imports import stock_imports
from services.imports.file_reader import HEAD_BYTES, head_of

log = logging.getLogger("darkstore.imports")

UPLOAD_PATH = "/imports"
UPLOAD_SECONDS = 120.0
UPLOADS_AT_ONCE = 8
PAGE_ROWS = 1_000
COLUMNS = ("line", "store", "product", "quantity", "field", "fault", "message")
# A spreadsheet would run a text that begins so.
FORMULA = ("=", "+", "-", "@", "\t", "\r")
TOO_LARGE = f"A file has at most {stock_imports.FILE_BYTES // 1024**2} MB."
Answer = Callable[[Request, Context], Awaitable[Response]]


def open_storage(settings: Settings) -> DiskStorage:
    """The folder of files that people send, shared by servers and workers."""
    return DiskStorage(Path(settings.files_folder))


class Turned(Exception):
    """The request is turned away with this answer."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        headers = {"www-authenticate": "Bearer"} if status == 401 else None
        self.answer = JSONResponse({"code": code, "message": message}, status, headers)


class Imports:
    """The two doors of one server, for those who manage stores."""

    def __init__(self, edge: Edge, storage: Storage) -> None:
        self._edge = edge
        self._storage = storage
        self._turn = asyncio.Semaphore(UPLOADS_AT_ONCE)

    @property
    def routes(self) -> list[Route]:
        errors = f"{UPLOAD_PATH}/{{id}}/errors.csv"
        return [
            Route(UPLOAD_PATH, self._open(self._take), methods=["POST"]),
            Route(errors, self._open(self._give), methods=["GET"]),
        ]

    def _open(self, answer: Answer) -> Callable[[Request], Awaitable[Response]]:
        """An endpoint that lets managers in, and shapes every refusal alike."""

        async def endpoint(request: Request) -> Response:
            try:
                return await answer(request, await self._caller(request))
            except Turned as turned:
                return turned.answer
            except Refused as refused:
                return _refusal(refused.reasons[0])
            except ClientDisconnect:
                return Response(status_code=400)
            except Exception as error:
                if not passing(error):
                    raise
                log.warning("a file could not be taken or given: %s", error)
                return Turned(503, "UNAVAILABLE", "Too much is going on: try again.").answer

        return endpoint

    async def _caller(self, request: Request) -> Context:
        headers = {name.lower(): value for name, value in request.headers.items()}
        client = request.client.host if request.client else "unknown"
        opened = await self._edge.open(headers, client=client)
        if isinstance(opened, Denied):
            raise Turned(opened.status, opened.code, opened.message)
        context: Context = opened.context
        if context.actor.app_id is not None:
            raise Turned(403, "FORBIDDEN", "Files are taken from people: apps use stockSetMany.")
        if (denied := MANAGER.refuse(context)) is not None:
            status = 403 if context.actor.signed_in else 401
            raise Turned(status, denied.code, str(denied))
        return context

    async def _take(self, request: Request, context: Context) -> Response:
        """Keep a file: 201 with its id, which stockImportStart takes."""
        _check(request)
        name = line(request.query_params.get("name", ""), "name", most=stock_imports.NAME_LENGTH)
        async with context.read() as session:
            await stock_imports.room(session, actor=context.actor)
        if self._turn.locked():
            raise Turned(503, "UNAVAILABLE", "Too many files come in at once: try again.")
        async with self._turn:
            upload = await self._store(request, context, name)
        answer = {"uploadId": encode(StockUpload, upload.id), "sizeBytes": upload.size_bytes}
        return JSONResponse(answer, 201)

    async def _store(self, request: Request, context: Context, name: str) -> StockUpload:
        head = bytearray()
        upload = StockUpload(person_id=context.actor.person_id, size_bytes=0)
        stored = encode(StockUpload, upload.id)
        try:
            async with asyncio.timeout(UPLOAD_SECONDS):
                size = await self._storage.keep(
                    stored, _chunks(request, head), stock_imports.FILE_BYTES
                )
        except FileTooLarge:
            raise Turned(413, "PAYLOAD_TOO_LARGE", TOO_LARGE) from None
        except StorageFull:
            raise Turned(507, "STORAGE_FULL", "There is no room for files now.") from None
        except TimeoutError:
            said = f"The file did not arrive within {UPLOAD_SECONDS:g} s."
            raise Turned(408, "REQUEST_TIMEOUT", said) from None
        upload.size_bytes, upload.head = size, head_of(bytes(head))
        try:
            async with context.write("stockUpload") as session:
                return await stock_imports.keep(
                    session, actor=context.actor, upload=upload, name=name
                )
        except (Refused, DBAPIError):
            await self._storage.forget(stored)
            raise

    async def _give(self, request: Request, context: Context) -> Response:
        """The bad rows of an import, as CSV."""
        key = key_of(StockImport, request.path_params["id"], "id")
        async with context.read() as session:
            await stock_imports.visible(session, actor=context.actor, import_id=key)
        headers = {
            "content-disposition": 'attachment; filename="errors.csv"',
            "cache-control": "no-store",
            "x-content-type-options": "nosniff",
        }
        lines = _bad_rows(context, key)
        return StreamingResponse(lines, media_type="text/csv; charset=utf-8", headers=headers)


def _check(request: Request) -> None:
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise Turned(415, "UNSUPPORTED_MEDIA_TYPE", "Send the file without content-encoding.")
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared[:20]) > stock_imports.FILE_BYTES:
        raise Turned(413, "PAYLOAD_TOO_LARGE", TOO_LARGE)


async def _chunks(request: Request, head: bytearray) -> AsyncIterator[bytes]:
    """The body as it comes; its beginning is put into `head` too."""
    async for chunk in request.stream():
        head += chunk[: HEAD_BYTES - len(head)]
        yield chunk


async def _bad_rows(context: Context, key: UUID) -> AsyncIterator[str]:
    yield _csv([COLUMNS])
    beyond = 0
    while True:
        async with context.read() as session:
            rows = await stock_imports.bad_rows(session, key, beyond, PAGE_ROWS)
        if not rows:
            return
        yield _csv(_cells(row) for row in rows)
        beyond = rows[-1].number


def _cells(row: StockImportRow) -> list[str]:
    texts = (row.store, row.product, row.quantity, row.field, row.fault or "", row.message)
    return [str(row.number), *(_plain(text) for text in texts)]


def _plain(text: str) -> str:
    """The text, so that no spreadsheet takes it for a formula; numbers are none."""
    harmless = not text.startswith(FORMULA) or text.lstrip("+-").isdigit()
    return text if harmless else f"'{text}"


def _csv(rows: Iterable[Iterable[str]]) -> str:
    written = io.StringIO()
    csv.writer(written).writerows(rows)
    return written.getvalue()


def _refusal(problem: Problem) -> Response:
    match problem:
        case NotFound():
            return Turned(404, "NOT_FOUND", problem.message).answer
        case RateLimited():
            answer = Turned(429, "RATE_LIMITED", problem.message).answer
            answer.headers["retry-after"] = str(problem.retry_after_seconds)
            return answer
    return Turned(400, "INVALID_INPUT", problem.message).answer
