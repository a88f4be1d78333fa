"""Takes and sends the files of the folder, at addresses that `DiskObjects` has signed.

With a bucket there are no such routes: clients speak to its server. The signature takes the place
of a sign-in, so the address alone says which file may be sent or fetched; who sends pays as its
owner, and shares places with the owner's other uploads.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from database.scope import PLATFORM
from gateways.objects import DiskObjects
from gateways.objects.disk_objects import (
    DOWNLOAD_PATH,
    UPLOAD_PATH,
    FileIncomplete,
    FileStoredAlready,
)
from gateways.objects.object_storage import attachment
from gateways.objects.signed_addresses import (
    DOWNLOAD_METHOD,
    UPLOAD_METHOD,
    AddressRefused,
    SignedFile,
)
from gateways.storage import FileMissing, FileOverLimit, StorageFull
from models.files import File, FileStatus
from models.identity import Actor
from models.ids import decode_id
from models.message_text import duration_text
from resolvers import prices
from resolvers.context import Container, Context
from server.auth.header_authenticator import HeaderAuthenticator
from server.endpoints.http_rejection import HttpRejection
from server.endpoints.paid_work import paying_caller, reserve_cost
from server.endpoints.upload_slots import UploadSlots
from server.rate_limit.budgets import COST_HEADER, CallerBudgets
from services.core.transient_errors import is_transient

TRANSFER_SECONDS = 120.0
MAX_CONCURRENT_UPLOADS = 32
NOT_FOUND = "There is no such file."
USED = "This address was used already: begin another upload to send another file."
Handler = Callable[[Request, Context], Awaitable[Response]]


def file_transfer_routes(
    container: Container, authenticator: HeaderAuthenticator, budgets: CallerBudgets
) -> list[BaseRoute]:
    """The routes of the folder; none with another storage."""
    storage = container.files.storage
    if not isinstance(storage, DiskObjects):
        return []
    return FileTransfers(container, authenticator, budgets, storage).routes


class FileTransfers:
    """The two endpoints of one process."""

    def __init__(
        self,
        container: Container,
        authenticator: HeaderAuthenticator,
        budgets: CallerBudgets,
        storage: DiskObjects,
    ) -> None:
        self._database = container.database
        self._authenticator = authenticator
        self._budgets = budgets
        self._storage = storage
        self._slots = UploadSlots(MAX_CONCURRENT_UPLOADS)

    @property
    def routes(self) -> list[BaseRoute]:
        return [
            Route(UPLOAD_PATH, self._endpoint(self._upload), methods=[UPLOAD_METHOD]),
            Route(DOWNLOAD_PATH, self._endpoint(self._download), methods=[DOWNLOAD_METHOD]),
        ]

    def _endpoint(self, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        """An endpoint whose client network pays, and which answers every error in one shape."""

        async def endpoint(request: Request) -> Response:
            headers = {name.lower(): value for name, value in request.headers.items()}
            client = request.client.host if request.client else "unknown"
            try:
                context = await paying_caller(self._authenticator, self._budgets, headers, client)
                return await handler(request, context)
            except HttpRejection as rejected:
                return rejected.response()
            except AddressRefused as refused:
                return HttpRejection(403, "FORBIDDEN", str(refused)).response()
            except FileMissing:
                return HttpRejection(404, "NOT_FOUND", NOT_FOUND).response()
            except ClientDisconnect:
                return Response(status_code=400)
            except Exception as error:
                if not is_transient(error):
                    raise
                message = "Files can't be stored or sent now: try again."
                return HttpRejection(503, "UNAVAILABLE", message).response()

        return endpoint

    async def _upload(self, request: Request, context: Context) -> Response:
        """Store a file that has the announced type and size: 201, once for each address."""
        file = await self._storage.check(UPLOAD_METHOD, request.query_params)
        _check_headers(request, file)
        row = await self._open_upload(file)
        companies = [] if row.company_id is None else [row.company_id]
        cost = prices.upload_price(file.size_bytes)
        with self._slots.taken_for(row.owner_id, companies):
            reserve_cost(self._budgets, context, cost, payer=Actor(row.owner_id))
            await self._receive(request, file)
        return Response(status_code=201, headers={COST_HEADER: str(cost)})

    async def _open_upload(self, file: SignedFile) -> File:
        """The upload that the address was signed for, while it is open.

        Its row says so, not the folder alone: what was sent is deleted when it is complete.
        """
        key = decode_id(File, file.key.rpartition("/")[2])
        async with self._database.read(PLATFORM) as session:
            row = None if key is None else await session.get(File, key)
        if row is None:
            raise FileMissing(file.key)
        if row.status is not FileStatus.UPLOADING:
            raise HttpRejection(409, "CONFLICT", USED)
        return row

    async def _receive(self, request: Request, file: SignedFile) -> None:
        try:
            async with asyncio.timeout(TRANSFER_SECONDS):
                await self._storage.receive(file, request.stream())
        except FileStoredAlready:
            raise HttpRejection(409, "CONFLICT", USED) from None
        except FileOverLimit:
            message = "The body is larger than the address is for."
            raise HttpRejection(413, "PAYLOAD_TOO_LARGE", message) from None
        except FileIncomplete as error:
            raise HttpRejection(400, "INVALID_INPUT", str(error)) from None
        except StorageFull:
            raise HttpRejection(507, "STORAGE_FULL", "There is no room for files now.") from None
        except TimeoutError:
            message = f"The file did not arrive within {duration_text(TRANSFER_SECONDS)}."
            raise HttpRejection(408, "REQUEST_TIMEOUT", message) from None

    async def _download(self, request: Request, context: Context) -> Response:
        """Send a file as an attachment: no browser shows it, whatever it holds."""
        file = await self._storage.check(DOWNLOAD_METHOD, request.query_params)
        size = await self._storage.size_bytes(file.key)
        cost = prices.upload_price(size)
        reserve_cost(self._budgets, context, cost)
        headers = {
            "content-length": str(size),
            "content-disposition": attachment(file.name),
            "content-security-policy": "sandbox; default-src 'none'",
            "cache-control": "private, no-store",
            "cross-origin-resource-policy": "cross-origin",
            COST_HEADER: str(cost),
        }
        return StreamingResponse(
            _pieces(self._storage, file.key), media_type=file.content_type, headers=headers
        )


async def _pieces(storage: DiskObjects, key: str) -> AsyncIterator[bytes]:
    async for chunk in storage.stream(key):
        yield chunk


def _check_headers(request: Request, file: SignedFile) -> None:
    """Refuse another type, size or encoding than the address was signed for."""
    if request.headers.get("content-type", "").strip().lower() != file.content_type:
        message = f"The header content-type is {file.content_type}, as the upload says."
        raise HttpRejection(415, "UNSUPPORTED_MEDIA_TYPE", message)
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        message = "Send the file without content-encoding."
        raise HttpRejection(415, "UNSUPPORTED_MEDIA_TYPE", message)
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared[:20]) > file.size_bytes:
        message = "The body is larger than the address is for."
        raise HttpRejection(413, "PAYLOAD_TOO_LARGE", message)
