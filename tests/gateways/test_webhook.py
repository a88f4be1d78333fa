"""Posting to URLs of third parties: no access to private networks, bounded time and size."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import Executor
from contextlib import asynccontextmanager
from typing import Any

import httpcore
import pytest

from gateways import webhook
from gateways.webhook import PRIVATE_SUFFIXES, PublicWebhookClient, WebhookError, is_public_address
from services.core.contacts.email_addresses import SPECIAL_USE_DOMAINS

PRIVATE_ADDRESSES = [
    "127.0.0.1", "127.8.8.8", "0.1.2.3", "10.0.0.1", "172.16.0.1", "172.31.255.255",
    "192.168.1.1", "169.254.169.254", "169.254.0.1", "100.64.0.1", "100.127.255.254", "192.0.0.1",
    "192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255",
    "240.0.0.1", "255.255.255.255", "::", "::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
    "::ffff:169.254.169.254", "::127.0.0.1", "fe80::1", "fe80::1%eth0", "fec0::1", "fc00::1",
    "fd00:ec2::254", "ff02::1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1",
    "2001:0:7f00:1::", "2002:7f00:1::", "2002:a9fe:a9fe::1", "2001:db8::1", "100::1", "nonsense",
    "192.0.0.8", "192.0.0.9", "192.88.99.1", "192.31.196.1", "192.52.193.1", "192.175.48.1",
    "2001:1::1", "2001:20::1", "2620:4f:8000::1", "3fff::1", "::ffff:192.0.0.8",
]  # fmt: skip
PUBLIC_ADDRESSES = ["93.184.216.34", "8.8.8.8", "1.1.1.1", "2606:4700::1111", "::ffff:8.8.8.8"]
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.mark.parametrize("address", PRIVATE_ADDRESSES)
def test_private_and_reserved_addresses_are_not_public(address: str) -> None:
    """A webhook to 192.0.0.8 or the cloud's metadata would read what is inside the network."""
    assert not is_public_address(address)


@pytest.mark.parametrize("address", PUBLIC_ADDRESSES)
def test_global_addresses_are_public(address: str) -> None:
    assert is_public_address(address)


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/hook", "https://example.org:8443/", "https://127.0.0.1/",
        "https://[::1]/", "https://[::ffff:10.0.0.1]/", "https://169.254.169.254/latest",
        "https://user:word@example.org/", "https://example.org/#there", "ftp://example.org/",
        "https:///path", "javascript:alert(1)", "https://exa mple.org/", "https://bücher.example/",
        "https://example.org:99999/", "https://example.org\\@127.0.0.1/", "https://x/" + "y" * 2000,
        "", "https://example.org/\n", "//example.org/", "https://localhost/", "https://127.1/",
        "https://shop.test/", "https://hook.example/", "https://hook.example./", "https://a.invalid/",
        "https://2130706433/", "https://0x7f000001/", "https://0177.0.0.1/", "https://a.0x7f/",
        "https://example.org:0/", "https://" + "a" * 64 + ".org/", "https://example..org/",
        "https://" + "a." * 126 + "org/", "https://db/", "https://db.internal/",
        "https://printer.local/", "https://x.localhost./",
    ],
)  # fmt: skip
async def test_invalid_urls_are_rejected(url: str) -> None:
    webhooks = PublicWebhookClient()
    assert webhooks.rejection_reason(url)
    with pytest.raises(WebhookError):
        await webhooks.post(url, {}, b"{}")


def test_public_and_allowed_urls_are_accepted() -> None:
    assert PublicWebhookClient().rejection_reason("https://example.org/hook?x=1") is None
    assert (
        PublicWebhookClient(["127.0.0.1:9000"]).rejection_reason("http://127.0.0.1:9000/hook")
        is None
    )
    assert PublicWebhookClient(["127.0.0.1:9000"]).rejection_reason("http://127.0.0.1:9001/hook")
    assert PublicWebhookClient(["127.0.0.1:9000"]).rejection_reason("http://localhost:9000/hook")


def patch_resolver(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> list[str]:
    """Resolve every name to these addresses, one list after another; returns dialed hosts."""
    dialed: list[str] = []
    left = list(answers)

    async def addresses(host: str, port: int, threads: Executor) -> list[str]:
        return left.pop(0) if len(left) > 1 else left[0]

    async def dial(self: Any, host: str, *_: Any, **__: Any) -> Any:
        dialed.append(host)
        raise httpcore.ConnectError("no connections in tests")

    monkeypatch.setattr(webhook, "resolve_host", addresses)
    monkeypatch.setattr(httpcore.AnyIOBackend, "connect_tcp", dial)
    return dialed


@pytest.mark.parametrize("address", ["127.0.0.1", "169.254.169.254", "::1", "::ffff:10.0.0.1"])
async def test_a_name_with_a_private_address_is_never_dialed(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A public name that leads to an inner address is the usual way in."""
    dialed = patch_resolver(monkeypatch, [address])
    with pytest.raises(WebhookError, match="no public address"):
        await PublicWebhookClient().post("https://hook.example.org/", {}, b"{}")
    assert dialed == []
    dialed_hosts = patch_resolver(monkeypatch, ["93.184.216.34", address])
    with pytest.raises(WebhookError, match="no public address"):
        await PublicWebhookClient().post("https://hook.example.org/", {}, b"{}")
    assert dialed_hosts == []


async def test_the_checked_address_is_dialed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name with another address at a second lookup is resolved only once (DNS rebinding)."""
    dialed = patch_resolver(monkeypatch, ["93.184.216.34"], ["127.0.0.1"])
    with pytest.raises(WebhookError, match="no connections"):
        await PublicWebhookClient().post("https://hook.example.org/", {}, b"{}")
    assert dialed == ["93.184.216.34"]


@pytest.mark.parametrize("host", ["2130706433", "0x7f.1", "127.1", "017700000001"])
async def test_alternative_notations_of_private_addresses_are_rejected(host: str) -> None:
    """0x7f000001 and 127.1 are this machine, and look like names."""
    with pytest.raises(WebhookError):
        await PublicWebhookClient().post(f"https://{host}/", {}, b"{}")


@asynccontextmanager
async def serve_locally(serve: Serve) -> AsyncIterator[tuple[PublicWebhookClient, str]]:
    """A loopback server with this handler; yields a client that may reach it, and its URL."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        server = await asyncio.start_server(serve, sock=listener)
        webhooks = PublicWebhookClient([f"127.0.0.1:{port}"])
        try:
            yield webhooks, f"http://127.0.0.1:{port}/hook"
        finally:
            await webhooks.close()
            server.close()


async def test_a_redirect_is_not_followed() -> None:
    paths: list[bytes] = []

    async def redirect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        paths.append(await reader.readuntil(b"\r\n"))
        writer.write(b"HTTP/1.1 302 Found\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n")
        await writer.drain()

    async with serve_locally(redirect) as (webhooks, url):
        reply = await webhooks.post(url, {}, b"{}")
    assert (reply.status, reply.accepted) == (302, False)
    assert paths == [b"POST /hook HTTP/1.1\r\n"]


async def test_only_the_beginning_of_a_large_response_is_read() -> None:
    sent = 0

    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 10485760\r\n\r\n")
        try:
            for _ in range(160):
                writer.write(b"\x00ab\n" * 16_384)
                await writer.drain()
                sent += 65_536
        except ConnectionError:
            pass

    async with serve_locally(flood) as (webhooks, url):
        reply = await webhooks.post(url, {}, b"{}")
    assert reply.accepted
    assert len(reply.snippet) <= 1_024
    assert "\x00" not in reply.snippet
    assert sent < 9_000_000


async def test_slow_responses_time_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook, "TOTAL_TIMEOUT_SECONDS", 0.3)

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(5)

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n")
        for _ in range(100):
            writer.write(b"x")
            await asyncio.sleep(0.05)

    for serve in (hang, drip):
        async with serve_locally(serve) as (webhooks, url):
            with pytest.raises(WebhookError, match="within"):
                await webhooks.post(url, {}, b"{}")


async def test_closed_connections_and_invalid_responses_raise_webhook_error() -> None:
    async def close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async def send_garbage(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HELLO\r\n\r\n")
        writer.close()

    for serve in (close, send_garbage):
        async with serve_locally(serve) as (webhooks, url):
            with pytest.raises(WebhookError, match="failed"):
                await webhooks.post(url, {}, b"{}")
    with pytest.raises(WebhookError, match="longer"):
        await PublicWebhookClient(["127.0.0.1:1"]).post("http://127.0.0.1:1/", {}, b"x" * 300_000)


@pytest.mark.parametrize("url", ["ftp://example.org/hook", "hello", "http://example.org/hook"])
def test_a_refused_address_is_told_what_it_begins_with(url: str) -> None:
    """It was told that an address is a URL of at most 2000 plain characters."""
    reason = PublicWebhookClient().rejection_reason(url)
    assert reason is not None
    assert "begins with https://" in reason


def test_webhooks_and_e_mails_know_the_same_reserved_names() -> None:
    """`https://erp.corp/` was accepted where `ana@erp.corp` was refused."""
    assert set(PRIVATE_SUFFIXES) == SPECIAL_USE_DOMAINS
