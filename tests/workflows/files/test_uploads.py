"""Files from the first request to the download, on both storages."""

import io
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from PIL import Image
from sqlalchemy import update

from database.scope import PLATFORM
from gateways.objects import ObjectStorage
from gateways.storage import FileMissing
from jobs import files
from models.files import File
from models.identity import Grant, Role
from models.ids import decode_id
from resolvers.context import Container
from services.files import uploads
from tests.support.actors import ActorClient, create_client
from tests.support.customers import ORIGIN
from tests.support.files import pictures
from tests.support.files.faulty_storage import FaultyStorage
from tests.support.files.uploading import Uploader
from tests.support.graph_queries import operation, public_id
from workflows.files.complete_upload import READY, STAGED, object_key

pytestmark = pytest.mark.processes
DETAIL = operation("file_detail")


def kinds(payload: Any) -> list[str]:
    return [error["__typename"] for error in payload["errors"]]


def key_of(file_id: str) -> Any:
    key = decode_id(File, file_id)
    assert key is not None
    return key


async def let_pass(container: Container, file_id: str, seconds: float) -> None:
    """As if so much time had passed for a file."""
    time = timedelta(seconds=seconds)
    values = {"created_at": File.created_at - time, "expires_at": File.expires_at - time}
    async with container.database.write(PLATFORM, ORIGIN) as session:
        await session.execute(update(File).where(File.id == key_of(file_id)).values(values))


async def exists(storage: ObjectStorage, place: str, file_id: str) -> bool:
    try:
        await storage.size_bytes(object_key(place, key_of(file_id)))
    except FileMissing:
        return False
    return True


async def test_a_picture_is_sent_checked_and_fetched(
    uploader: Uploader, storage: ObjectStorage
) -> None:
    sent = pictures.picture()
    file_id = await uploader.sent(sent)
    file = (await uploader.complete(file_id))["file"]
    assert (file["status"], file["contentType"]) == ("READY", "image/jpeg")
    fetched = await uploader.http.get(file["downloadUrl"])
    assert fetched.status_code == 200
    assert len(fetched.content) == file["sizeBytes"]
    assert pictures.SECRET in sent
    assert pictures.SECRET not in fetched.content
    with Image.open(io.BytesIO(fetched.content)) as shown:
        assert shown.size == (30, 40)
    assert fetched.headers["content-type"] == "image/jpeg"
    assert fetched.headers["content-disposition"].startswith("attachment;")
    assert not await exists(storage, STAGED, file_id)
    again = await uploader.complete(file_id)
    assert (again["errors"], again["file"]["sha256"]) == ([], file["sha256"])


async def test_an_address_takes_one_file_and_nothing_after_the_check(
    uploader: Uploader, storage: ObjectStorage, container: Container
) -> None:
    """Whoever keeps the address can't replace what was checked."""
    sent = pictures.picture()
    payload = await uploader.start(len(sent))
    upload, file_id = payload["file"]["upload"], payload["file"]["id"]
    assert (await uploader.send(upload, sent)).status_code in (200, 201)
    evil = b"z" * len(sent)
    assert (await uploader.send(upload, evil)).status_code in (409, 412)
    file = (await uploader.complete(file_id))["file"]
    await uploader.send(upload, evil)
    assert pictures.SECRET not in (await uploader.http.get(file["downloadUrl"])).content
    assert (await uploader.http.get(file["downloadUrl"])).content[:2] == b"\xff\xd8"
    shown = (await uploader.who.run(DETAIL, {"id": file_id}))["file"]
    assert shown["sha256"] == file["sha256"]
    # What was sent once more goes as soon as the address is too old.
    await let_pass(container, file_id, uploads.UPLOAD_SECONDS + uploads.GRACE_SECONDS + 1)
    await files.delete_sent_objects(container.database, storage)
    assert not await exists(storage, STAGED, file_id)
    assert await exists(storage, READY, file_id)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (pictures.HTML, "UnsupportedFileType"),
        (pictures.SVG, "UnsupportedFileType"),
        (pictures.PDF, "UnsupportedFileType"),
        (pictures.bomb(), "FileDamaged"),
        (pictures.picture()[:150], "FileDamaged"),
    ],
    ids=["HTML", "SVG", "PDF", "bomb", "half a picture"],
)
async def test_what_the_content_does_not_allow_is_rejected_for_good(
    uploader: Uploader, storage: ObjectStorage, content: bytes, problem: str
) -> None:
    file_id = await uploader.sent(content)
    for _ in range(2):
        payload = await uploader.complete(file_id)
        assert (payload["file"], kinds(payload)) == (None, [problem])
    shown = (await uploader.who.run(DETAIL, {"id": file_id}))["file"]
    assert (shown["status"], shown["downloadUrl"]) == ("REJECTED", None)
    assert not await exists(storage, READY, file_id)


async def test_a_file_that_has_not_arrived_can_be_completed_later(uploader: Uploader) -> None:
    sent = pictures.picture()
    payload = await uploader.start(len(sent))
    assert kinds(await uploader.complete(payload["file"]["id"])) == ["FileNotUploaded"]
    await uploader.send(payload["file"]["upload"], sent)
    assert kinds(await uploader.complete(payload["file"]["id"])) == []


@pytest.mark.parametrize(
    ("step", "when"), [("stream", "down"), ("stream", "lost"), ("put", "down"), ("put", "lost")]
)
async def test_an_outage_of_the_storage_ends_nothing(
    uploader: Uploader, faulty: FaultyStorage, step: str, when: str
) -> None:
    """At each step before the file is READY: the same request succeeds after the outage."""
    file_id = await uploader.sent(pictures.picture())
    getattr(faulty, when).add(step)
    document = operation("file_upload_complete")
    codes = await uploader.who.codes(document, {"input": {"fileId": file_id}})
    assert codes == {"UNAVAILABLE"}
    shown = (await uploader.who.run(DETAIL, {"id": file_id}))["file"]
    assert (shown["status"], shown["rejection"]) == ("UPLOADING", None)
    getattr(faulty, when).clear()
    assert kinds(await uploader.complete(file_id)) == []


@pytest.mark.parametrize("when", ["down", "lost"])
async def test_a_file_is_ready_though_what_was_sent_can_not_be_deleted_yet(
    uploader: Uploader, faulty: FaultyStorage, container: Container, when: str
) -> None:
    file_id = await uploader.sent(pictures.picture())
    getattr(faulty, when).add("delete")
    assert kinds(await uploader.complete(file_id)) == []
    await let_pass(container, file_id, uploads.UPLOAD_SECONDS + uploads.GRACE_SECONDS + 1)
    await files.delete_sent_objects(container.database, faulty)
    async with container.database.read(PLATFORM) as session:
        row = await session.get_one(File, key_of(file_id))
    assert row.has_staged, "the job finds it again"
    getattr(faulty, when).clear()
    assert not await exists(faulty, STAGED, file_id) or when == "down"


async def test_uploads_that_do_not_arrive_end_and_leave_nothing(
    uploader: Uploader, storage: ObjectStorage, container: Container
) -> None:
    file_id = await uploader.sent(pictures.picture())
    await let_pass(container, file_id, uploads.UPLOAD_SECONDS + 1)
    await files.expire_files(container.database)
    shown = (await uploader.who.run(DETAIL, {"id": file_id}))["file"]
    assert shown["status"] == "UPLOADING", "what has arrived in time may still be completed"
    await let_pass(container, file_id, uploads.GRACE_SECONDS)
    assert kinds(await uploader.complete(file_id)) == ["FileExpired"]
    await files.expire_files(container.database)
    assert kinds(await uploader.complete(file_id)) == ["FileExpired"]
    await let_pass(container, file_id, uploads.FORGET_AFTER.total_seconds() + 1)
    await files.forget_files(container.database, storage)
    assert not await exists(storage, STAGED, file_id)
    assert await uploader.who.codes(DETAIL, {"id": file_id}) == {"NOT_FOUND"}


@pytest.mark.leaves("File.READY")
async def test_a_file_is_kept_as_long_as_its_purpose_says(
    uploader: Uploader, faulty: FaultyStorage, container: Container
) -> None:
    file_id = (await uploader.ready())["id"]
    await let_pass(container, file_id, 399 * 86_400)
    await files.expire_files(container.database)
    shown = (await uploader.who.run(DETAIL, {"id": file_id}))["file"]
    assert shown["status"] == "READY"
    await let_pass(container, file_id, 2 * 86_400)
    await files.expire_files(container.database)
    shown = (await uploader.who.run(DETAIL, {"id": file_id}))["file"]
    assert (shown["status"], shown["downloadUrl"]) == ("EXPIRED", None)
    await let_pass(container, file_id, 2 * 86_400)
    faulty.down.add("delete")
    await files.forget_files(container.database, faulty)
    assert (await uploader.who.run(DETAIL, {"id": file_id}))["file"], "its objects are there still"


async def test_only_its_owner_and_support_know_of_a_photo(
    uploader: Uploader,
    another_customer: ActorClient,
    company_admin: ActorClient,
    container: Container,
) -> None:
    sent = pictures.picture()
    payload = await uploader.start(len(sent))
    file_id = payload["file"]["id"]
    await uploader.send(payload["file"]["upload"], sent)
    for who in (another_customer, company_admin):
        stranger = Uploader(replace(who, container=uploader.who.container), uploader.http)
        assert await stranger.who.codes(DETAIL, {"id": file_id}) == {"NOT_FOUND"}
        assert kinds(await stranger.complete(file_id)) == ["NotFound"]
    support = await create_client(uploader.who.container, "Support", Grant(Role.SUPPORT_AGENT))
    assert (await support.run(DETAIL, {"id": file_id}))["file"]["status"] == "UPLOADING"
    document = "query ($id: ID!) { file(id: $id) { upload { url } } }"
    assert (await support.run(document, {"id": file_id}))["file"]["upload"] is None
    assert kinds(await Uploader(support, uploader.http).complete(file_id)) == ["NotFound"]


async def test_files_of_a_company_are_for_its_staff(
    uploader: Uploader,
    manager: ActorClient,
    picker: ActorClient,
    other_company_admin: ActorClient,
    shared_city: Any,
) -> None:
    def of(who: ActorClient) -> Uploader:
        return Uploader(replace(who, container=uploader.who.container), uploader.http)

    own = {"purpose": "PRODUCT_IMAGE", "companyId": public_id(shared_city.company)}
    file = await of(manager).ready(**own)
    assert (await of(picker).who.run(DETAIL, {"id": file["id"]}))["file"]["downloadUrl"]
    assert await of(other_company_admin).who.codes(DETAIL, {"id": file["id"]}) == {"NOT_FOUND"}
    for who in (picker, other_company_admin):
        payload = await of(who).start(100, **own)
        assert kinds(payload) == ["NotFound"]
    assert kinds(await uploader.start(100, **own)) == ["NotFound"]
    document = own | {"purpose": "COMPANY_DOCUMENT", "contentType": "application/pdf"}
    assert kinds(await of(manager).start(100, **document)) == ["NotFound"]


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"contentType": "text/html"}, "UnsupportedFileType"),
        ({"contentType": "image/svg+xml"}, "UnsupportedFileType"),
        ({"sizeBytes": 0}, "InvalidInput"),
        ({"sizeBytes": -1}, "InvalidInput"),
        ({"sizeBytes": 10 * 1024 * 1024 + 1}, "FileTooLarge"),
        ({"fileName": "x" * 201}, "InvalidInput"),
        ({"fileName": ""}, "InvalidInput"),
        ({"purpose": "PRODUCT_IMAGE"}, "InvalidInput"),
        ({"companyId": "com_Prb6F_idU9ek7G--3dNfpA"}, "InvalidInput"),
        ({"companyId": "nonsense"}, "NotFound"),
    ],
)
async def test_an_upload_that_can_not_succeed_is_not_begun(
    uploader: Uploader, values: dict[str, Any], problem: str
) -> None:
    assert kinds(await uploader.start(100, **values)) == [problem]


async def test_a_person_has_some_open_uploads_at_once(
    uploader: Uploader, container: Container
) -> None:
    person = await create_client(uploader.who.container, "Sender", Grant(Role.CUSTOMER))
    own = Uploader(person, uploader.http)
    for _ in range(uploads.MAX_OPEN_UPLOADS):
        assert kinds(await own.start(10)) == []
    assert kinds(await own.start(10)) == ["RateLimited"]


async def test_an_equal_request_has_one_effect(uploader: Uploader) -> None:
    values = {
        "input": {
            "purpose": "TICKET_PHOTO", "fileName": "a.jpg", "contentType": "image/jpeg",
            "sizeBytes": 10,
        }
    }  # fmt: skip
    document = operation("file_upload_start")
    first = await uploader.who.run(document, values, idempotency_key="one-upload")
    again = await uploader.who.run(document, values, idempotency_key="one-upload")
    assert first["fileUploadStart"]["file"]["id"] == again["fileUploadStart"]["file"]["id"]
    assert again["fileUploadStart"]["file"]["upload"]["url"]


async def test_addresses_of_a_bucket_are_at_its_own_server(
    uploader: Uploader, storage: ObjectStorage
) -> None:
    payload = await uploader.start(10)
    is_ours = urlsplit(payload["file"]["upload"]["url"]).netloc == ""
    assert is_ours is (type(storage).__name__ == "DiskObjects")
