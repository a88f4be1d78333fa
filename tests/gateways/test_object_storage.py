"""Both storages of files: a folder of ours, and a bucket on a server with the API of S3."""

from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import parse_qs, parse_qsl, urlsplit

import httpx
import pytest

from gateways.objects import DiskObjects, ObjectStorage, ObjectStorageUnavailable
from gateways.objects.disk_objects import FileIncomplete, FileStoredAlready
from gateways.objects.signed_addresses import AddressRefused, SignedFile
from gateways.storage import FileMissing, FileOverLimit, StorageFull
from tests.support.files.moto_server import BucketServer, bucket_server

pytestmark = pytest.mark.processes
KEY = "staged/AZq3"
JPEG = "image/jpeg"
TAMPERED = {
    "key": "staged/other", "type": "text/html", "size": "99999999", "name": "x",
    "expires": "99999999999", "signature": "0" * 64,
}  # fmt: skip


@pytest.fixture(scope="module")
async def server() -> AsyncIterator[BucketServer]:
    async with bucket_server() as one:
        yield one


@pytest.fixture(params=["disk", "bucket"])
async def storage(
    request: pytest.FixtureRequest, tmp_path: Path, server: BucketServer
) -> AsyncIterator[ObjectStorage]:
    one: ObjectStorage = DiskObjects(tmp_path) if request.param == "disk" else server.gateway()
    yield one
    await one.close()


async def pieces(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def read(storage: ObjectStorage, key: str) -> bytes:
    return b"".join([chunk async for chunk in storage.stream(key)])


async def test_a_file_is_stored_read_and_deleted(storage: ObjectStorage) -> None:
    data = b"x" * 700_000 + b"end"
    await storage.put("ready/one", data, JPEG)
    assert await storage.size_bytes("ready/one") == len(data)
    assert await read(storage, "ready/one") == data
    await storage.put("ready/one", b"other", JPEG)
    assert await read(storage, "ready/one") == b"other"
    await storage.delete("ready/one")
    await storage.delete("ready/one")
    with pytest.raises(FileMissing):
        await storage.size_bytes("ready/one")
    with pytest.raises(FileMissing):
        await read(storage, "ready/one")


@pytest.mark.parametrize(
    "key",
    [
        "../secret",
        "ready/../../x",
        "/nowhere/ready",  # no file of a machine: broken code would write to it
        "ready/",
        "ready/a/b",
        "ready/a\0",
        "address-secret",
    ],
)
async def test_no_key_leads_out_of_the_storage(storage: ObjectStorage, key: str) -> None:
    with pytest.raises(FileMissing):
        await storage.put(key, b"x", JPEG)
    with pytest.raises(FileMissing):
        await read(storage, key)
    with pytest.raises(FileMissing):
        await storage.delete(key)
    with pytest.raises(FileMissing):
        await storage.upload_address(key, content_type=JPEG, size_bytes=1, seconds=60)
    with pytest.raises(FileMissing):
        await storage.download_address(key, content_type=JPEG, file_name="a", seconds=60)


async def test_a_client_sends_and_fetches_a_file_at_the_server(server: BucketServer) -> None:
    gateway = server.gateway()
    body = b"\xff\xd8picture"
    sent = await gateway.upload_address(KEY, content_type=JPEG, size_bytes=len(body), seconds=60)
    query = parse_qs(urlsplit(sent.url).query)
    # What the signature covers: the server refuses another type, another size, a second file.
    signed = {"content-length", "content-type", "host", "if-none-match"}
    assert set(query["X-Amz-SignedHeaders"][0].split(";")) == signed
    assert query["X-Amz-Expires"] == ["60"]
    async with httpx.AsyncClient() as client:
        first = await client.request(sent.method, sent.url, headers=sent.headers, content=body)
        assert first.status_code == 200
        again = await client.request(sent.method, sent.url, headers=sent.headers, content=b"z" * 9)
        assert again.status_code == 412
        fetched = await gateway.download_address(
            KEY, content_type=JPEG, file_name='a"b/ü.jpg', seconds=60
        )
        answer = await client.request(fetched.method, fetched.url)
    assert answer.content == body
    assert answer.headers["content-type"] == JPEG
    shown = answer.headers["content-disposition"]
    assert shown == "attachment; filename=\"a_b__.jpg\"; filename*=UTF-8''a%22b%2F%C3%BC.jpg"
    await gateway.close()


async def test_a_bucket_that_can_not_be_reached_is_unavailable() -> None:
    async with bucket_server() as own:
        gateway = own.gateway()
        await gateway.put("ready/one", b"x", JPEG)
        await own.stop()
        with pytest.raises(ObjectStorageUnavailable):
            await gateway.put("ready/one", b"x", JPEG)
        with pytest.raises(ObjectStorageUnavailable):
            await gateway.size_bytes("ready/one")
        with pytest.raises(ObjectStorageUnavailable):
            await read(gateway, "ready/one")
        with pytest.raises(ObjectStorageUnavailable):
            await gateway.delete("ready/one")
        # An address is made without the server: clients get one also in an outage.
        await gateway.upload_address(KEY, content_type=JPEG, size_bytes=1, seconds=60)
        await gateway.close()


async def test_a_folder_that_can_not_be_made_is_unavailable(tmp_path: Path) -> None:
    """A wrong setting is no answer about a file: nothing may be ended by it."""
    blocked = tmp_path / "objects"
    blocked.write_text("a file where the folder should be")
    with pytest.raises(ObjectStorageUnavailable):
        await DiskObjects(blocked).put("ready/one", b"x", JPEG)


async def query_of(storage: DiskObjects, size_bytes: int, seconds: int = 60) -> dict[str, str]:
    address = await storage.upload_address(
        KEY, content_type=JPEG, size_bytes=size_bytes, seconds=seconds
    )
    assert (address.method, address.headers) == ("PUT", {"content-type": JPEG})
    return dict(parse_qsl(urlsplit(address.url).query, keep_blank_values=True))


async def test_an_address_of_the_folder_is_for_one_file(tmp_path: Path) -> None:
    storage = DiskObjects(tmp_path)
    query = await query_of(storage, 3)
    assert await storage.check("PUT", query) == SignedFile(KEY, JPEG, 3)
    for name, value in TAMPERED.items():
        with pytest.raises(AddressRefused):
            await storage.check("PUT", {**query, name: value})
        with pytest.raises(AddressRefused):
            await storage.check("PUT", {**query, name: query[name][:-1] or "x"})
    with pytest.raises(AddressRefused):
        await storage.check("GET", query)
    with pytest.raises(AddressRefused, match="any more"):
        await storage.check("PUT", await query_of(storage, 3, seconds=0))
    with pytest.raises(AddressRefused):
        await DiskObjects(tmp_path / "other").check("PUT", query)
    # Another process of the same installation knows the secret.
    assert await DiskObjects(tmp_path).check("PUT", query) == SignedFile(KEY, JPEG, 3)
    assert (tmp_path / "address-secret").stat().st_mode & 0o077 == 0


async def test_the_folder_takes_a_file_of_the_signed_size_once(tmp_path: Path) -> None:
    storage = DiskObjects(tmp_path)
    file = SignedFile(KEY, JPEG, 4)
    with pytest.raises(FileOverLimit):
        await storage.receive(file, pieces(b"abc", b"de"))
    with pytest.raises(FileIncomplete):
        await storage.receive(file, pieces(b"abc"))
    with pytest.raises(FileMissing):
        await storage.size_bytes(KEY)
    await storage.receive(file, pieces(b"ab", b"cd"))
    with pytest.raises(FileStoredAlready):
        await storage.receive(file, pieces(b"wxyz"))
    assert await read(storage, KEY) == b"abcd"
    assert [one.name for one in (tmp_path / "staged").iterdir()] == ["AZq3"]


async def test_a_full_disk_takes_no_file(tmp_path: Path) -> None:
    storage = DiskObjects(tmp_path, reserved_bytes=2**60)
    with pytest.raises(StorageFull):
        await storage.receive(SignedFile(KEY, JPEG, 1), pieces(b"a"))
    with pytest.raises(StorageFull):
        await storage.put(KEY, b"a", JPEG)
