"""A client that sends files: begins an upload, sends the bytes to its address, completes it."""

from dataclasses import dataclass
from typing import Any

import httpx

from tests.support.actors import ActorClient
from tests.support.files.pictures import picture
from tests.support.graph_queries import operation

JPEG = "image/jpeg"


@dataclass
class Uploader:
    """Sends files as one person; `http` knows the server of the graph."""

    who: ActorClient
    http: httpx.AsyncClient

    async def start(self, size_bytes: int, **more: Any) -> Any:
        """The payload of `fileUploadStart` for a photo."""
        values = {
            "purpose": "TICKET_PHOTO",
            "fileName": "jar.jpg",
            "contentType": JPEG,
            "sizeBytes": size_bytes,
            **more,
        }
        data = await self.who.run(operation("file_upload_start"), {"input": values})
        return data["fileUploadStart"]

    async def send(self, upload: Any, content: bytes, **headers: str) -> httpx.Response:
        """Send the bytes as the upload says."""
        said = {each["name"]: each["value"] for each in upload["headers"]}
        return await self.http.request(
            upload["method"], upload["url"], content=content, headers=said | headers
        )

    async def complete(self, file_id: str, **more: Any) -> Any:
        """The payload of `fileUploadComplete`."""
        values = {"input": {"fileId": file_id}}
        return (await self.who.run(operation("file_upload_complete"), values, **more))[
            "fileUploadComplete"
        ]

    async def sent(self, content: bytes, **more: Any) -> str:
        """The id of a file whose bytes have arrived."""
        payload = await self.start(len(content), **more)
        assert payload["errors"] == []
        answer = await self.send(payload["file"]["upload"], content)
        assert answer.status_code in (200, 201), answer.text
        return str(payload["file"]["id"])

    async def ready(self, **more: Any) -> Any:
        """A file that is READY."""
        payload = await self.complete(await self.sent(picture(), **more))
        assert payload["errors"] == []
        return payload["file"]
