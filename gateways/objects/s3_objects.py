"""Files in a bucket of an S3-compatible server (Signature Version 4), through aiobotocore.

Clients send and fetch the bytes at the server itself; only signed requests are made here.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, TypeVar

from aiobotocore.config import AioConfig
from aiobotocore.session import get_session
from aiohttp import ClientError as TransportError
from botocore.exceptions import BotoCoreError, ClientError

from gateways.objects.object_storage import (
    CHUNK_BYTES,
    ObjectStorageUnavailable,
    TransferAddress,
    attachment,
    require_key,
)
from gateways.storage import FileMissing

CONNECT_TIMEOUT_SECONDS = 2.0
READ_TIMEOUT_SECONDS = 10.0
MAX_CONNECTIONS = 16
MAX_ATTEMPTS = 2
MISSING = frozenset({"404", "NoSuchKey", "NotFound"})
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class S3Settings:
    """The bucket and the account; without an endpoint it is in the cloud of that region."""

    bucket: str
    region: str
    access_key: str
    secret_key: str
    endpoint: str | None = None


class S3Objects:
    """An `ObjectStorage` in one bucket. The connection is opened by the first use."""

    def __init__(self, settings: S3Settings) -> None:
        self._settings = settings
        self._stack = AsyncExitStack()
        self._client: Any = None
        self._opening = asyncio.Lock()

    async def upload_address(
        self, key: str, *, content_type: str, size_bytes: int, seconds: int
    ) -> TransferAddress:
        # All of these become signed headers: the server takes no other type or size, and with
        # If-None-Match no second file.
        values = {"ContentType": content_type, "ContentLength": size_bytes, "IfNoneMatch": "*"}
        url = await self._presign("put_object", key, values, seconds)
        return TransferAddress("PUT", url, {"content-type": content_type, "if-none-match": "*"})

    async def download_address(
        self, key: str, *, content_type: str, file_name: str, seconds: int
    ) -> TransferAddress:
        values = {
            "ResponseContentType": content_type,
            "ResponseContentDisposition": attachment(file_name),
            "ResponseCacheControl": "private, no-store",
        }
        return TransferAddress("GET", await self._presign("get_object", key, values, seconds))

    async def _presign(self, method: str, key: str, values: dict[str, Any], seconds: int) -> str:
        client = await self._connected()
        parameters = {**self._place(key), **values}
        url = await client.generate_presigned_url(method, Params=parameters, ExpiresIn=seconds)
        return str(url)

    async def put(self, key: str, data: bytes, content_type: str) -> None:
        client = await self._connected()
        place = self._place(key)
        await _answer(lambda: client.put_object(**place, Body=data, ContentType=content_type))

    async def size_bytes(self, key: str) -> int:
        client = await self._connected()
        found = await _answer(lambda: client.head_object(**self._place(key)))
        return int(found["ContentLength"])

    async def stream(self, key: str) -> AsyncIterator[bytes]:
        client = await self._connected()
        found = await _answer(lambda: client.get_object(**self._place(key)))
        async with found["Body"] as body:
            while chunk := await _answer(lambda: body.read(CHUNK_BYTES)):
                yield chunk

    async def delete(self, key: str) -> None:
        client = await self._connected()
        await _answer(lambda: client.delete_object(**self._place(key)))

    async def close(self) -> None:
        """Close the connections."""
        await self._stack.aclose()
        self._client = None

    def _place(self, key: str) -> dict[str, str]:
        return {"Bucket": self._settings.bucket, "Key": require_key(key)}

    async def _connected(self) -> Any:
        async with self._opening:
            if self._client is None:
                self._client = await self._stack.enter_async_context(self._new_client())
        return self._client

    def _new_client(self) -> Any:
        settings = self._settings
        config = AioConfig(
            signature_version="s3v4",
            connect_timeout=CONNECT_TIMEOUT_SECONDS,
            read_timeout=READ_TIMEOUT_SECONDS,
            max_pool_connections=MAX_CONNECTIONS,
            retries={"total_max_attempts": MAX_ATTEMPTS, "mode": "standard"},
            # Servers of others have one certificate, and know the bucket from the path.
            s3={"addressing_style": "path" if settings.endpoint else "virtual"},
            # Some of them refuse the checksums that newer clients add by themselves.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        )
        return get_session().create_client(
            "s3",
            region_name=settings.region,
            endpoint_url=settings.endpoint,
            aws_access_key_id=settings.access_key,
            aws_secret_access_key=settings.secret_key,
            config=config,
        )


async def _answer(request: Callable[[], Awaitable[T]]) -> T:
    """The answer to a request. Raises FileMissing, ObjectStorageUnavailable."""
    try:
        return await request()
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        if code in MISSING:
            raise FileMissing(code) from None
        # Also wrong settings: the file itself may be good, so the same request is made later.
        raise ObjectStorageUnavailable(f"The storage of files answered {code}.") from error
    except (BotoCoreError, TransportError, OSError, TimeoutError) as error:
        raise ObjectStorageUnavailable("The storage of files can't be reached.") from error
