"""A storage of files with outages: each method can be told to fail before or after its work."""

from collections.abc import AsyncIterator

from gateways.objects import ObjectStorage, ObjectStorageUnavailable, TransferAddress


class FaultyStorage:
    """Passes everything on to another storage, except while it is told to fail."""

    def __init__(self, storage: ObjectStorage) -> None:
        self._storage = storage
        self.down: set[str] = set()
        """The methods that fail before they do anything."""
        self.lost: set[str] = set()
        """The methods whose answer is lost after the work is done."""

    async def upload_address(
        self, key: str, *, content_type: str, size_bytes: int, seconds: int
    ) -> TransferAddress:
        return await self._storage.upload_address(
            key, content_type=content_type, size_bytes=size_bytes, seconds=seconds
        )

    async def download_address(
        self, key: str, *, content_type: str, file_name: str, seconds: int
    ) -> TransferAddress:
        return await self._storage.download_address(
            key, content_type=content_type, file_name=file_name, seconds=seconds
        )

    async def put(self, key: str, data: bytes, content_type: str) -> None:
        self._fail("put", self.down)
        await self._storage.put(key, data, content_type)
        self._fail("put", self.lost)

    async def size_bytes(self, key: str) -> int:
        return await self._storage.size_bytes(key)

    async def stream(self, key: str) -> AsyncIterator[bytes]:
        self._fail("stream", self.down)
        async for chunk in self._storage.stream(key):
            yield chunk
        self._fail("stream", self.lost)

    async def delete(self, key: str) -> None:
        self._fail("delete", self.down)
        await self._storage.delete(key)
        self._fail("delete", self.lost)

    async def close(self) -> None:
        """Leave the other storage open: who has opened it closes it."""

    @staticmethod
    def _fail(method: str, told: set[str]) -> None:
        if method in told:
            raise ObjectStorageUnavailable(f"{method} fails")
