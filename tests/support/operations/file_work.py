"""Plays the operations of files: begun, sent, checked and read by everybody who is signed in."""

from models.files import File
from models.ids import decode_id
from tests.support.files.pictures import picture
from tests.support.operations.player import OperationPlayer
from workflows.files.complete_upload import STAGED, object_key


async def play_files(play: OperationPlayer) -> None:
    """Send a photo, check it and read where it is fetched."""
    content = picture()
    for who in ("buyer", "picker"):
        values = {"purpose": "TICKET_PHOTO", "contentType": "image/jpeg", "sizeBytes": len(content)}
        started = await play(who, "file_upload_start", fileName="jar.jpg", **values)
        file_id = started["file"]["id"]
        key = decode_id(File, file_id)
        assert key is not None
        storage = play.container.files.storage
        await storage.put(object_key(STAGED, key), content, "image/jpeg")
        done = await play(who, "file_upload_complete", fileId=file_id)
        assert done["file"]["status"] == "READY"
        assert (await play(who, "file_detail", id=file_id))["downloadUrl"]
