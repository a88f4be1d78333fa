"""The kinds of values that settings have: what is expected, and how a text is read."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parseaddr
from ipaddress import ip_address
from typing import Generic, TypeVar
from urllib.parse import SplitResult, urlsplit

from redis.asyncio.connection import parse_url

from database.connections import parse_database_url
from server.transport.client_address import parse_proxies
from services.core.contacts.email_addresses import read_email

T = TypeVar("T")
HOST_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)", re.IGNORECASE)
SMS_SENDER_FORM = re.compile(
    r"\+[1-9][0-9]{6,14}|[0-9]{3,8}|MG[0-9a-f]{32}|(?=.*[A-Za-z])[A-Za-z0-9 ]{1,11}"
)
BUCKET_FORM = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
DEFAULT_PORTS = {"http": 80, "https": 443}
MAX_DIGITS = 9


@dataclass(frozen=True, slots=True)
class ValueKind(Generic[T]):
    """What a value of this kind is, and how it is read."""

    expected: str
    """Completes the sentence "It is …"."""
    parse: Callable[[str], T]
    """Returns the value of a text that is not empty. Raises ValueError."""


def whole_number(minimum: int, maximum: int) -> ValueKind[int]:
    """Digits for a number between two bounds."""

    def parse(text: str) -> int:
        if not (text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS):
            raise ValueError(text)
        return int(_bounded(int(text), minimum, maximum))

    none = "" if minimum else " (none)"
    return ValueKind(f"a whole number from {minimum}{none} to {maximum}", parse)


def seconds(maximum: int) -> ValueKind[float]:
    """A time from 0 to the maximum."""
    return ValueKind(
        f"a number of seconds from 0 to {maximum}",
        lambda text: _bounded(float(text), 0, maximum),
    )


def word(values: Mapping[str, T]) -> ValueKind[T]:
    """One of a few words, in upper or lower case."""

    def parse(text: str) -> T:
        if text.lower() not in values:
            raise ValueError(text)
        return values[text.lower()]

    *names, last = values
    return ValueKind(f"{', '.join(names)} or {last}" if names else last, parse)


def secret(*beginnings: str) -> ValueKind[str]:
    """A key of a provider, which begins as its keys do."""

    def parse(text: str) -> str:
        if not text.startswith(beginnings):
            raise ValueError("another kind of key")
        return _plain(text)

    return ValueKind(f"a key that begins with {' or '.join(beginnings)}", parse)


def _bounded(number: float, minimum: float, maximum: float) -> float:
    """Return the number. Raises ValueError outside of the bounds, and for NaN."""
    if not minimum <= number <= maximum:
        raise ValueError(number)
    return number


def _plain(text: str) -> str:
    """Return a text of visible ASCII characters. Raises ValueError."""
    if not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("not plain text")
    return text


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("control characters")
    return text


def _host(text: str) -> str:
    """Return a host name or an IP address. Raises ValueError."""
    try:
        return str(ip_address(text))
    except ValueError:
        labels = text.removesuffix(".").split(".")
        if len(text) > 253 or not all(HOST_LABEL.fullmatch(label) for label in labels):
            raise
        return text.lower()


def _bucket_name(text: str) -> str:
    """Return the name of a bucket. Raises ValueError."""
    if not BUCKET_FORM.fullmatch(text):
        raise ValueError(text)
    return text


def _split_address(text: str) -> SplitResult:
    """Return the parts of a URL of a web server. Raises ValueError."""
    parts = urlsplit(_plain(text))
    if parts.scheme not in DEFAULT_PORTS or parts.query or parts.fragment or "@" in parts.netloc:
        raise ValueError(text)
    _host(parts.hostname or "")
    if parts.port == 0:
        raise ValueError(text)
    return parts


def _web_address(text: str) -> str:
    _split_address(text)
    return text.rstrip("/")


def _origin(text: str) -> str:
    """Return an origin as browsers send it: lower case, without the scheme's own port."""
    parts = _split_address(text)
    if parts.path:
        raise ValueError(text)
    host = parts.hostname or ""
    port = parts.port or DEFAULT_PORTS[parts.scheme]
    shown_port = "" if port == DEFAULT_PORTS[parts.scheme] else f":{port}"
    return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}{shown_port}"


def _parts(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _networks(text: str) -> tuple[str, ...]:
    networks = () if text.lower() == "none" else _parts(text)
    parse_proxies(networks)
    return networks


def _host_with_port(text: str) -> str:
    host, _, port = text.rpartition(":")
    if not (port.isascii() and port.isdigit() and 0 < int(port[:6]) < 65_536):
        raise ValueError(text)
    _host(host.strip("[]"))
    return text.lower()


def _mail_sender(text: str) -> str:
    name, address = parseaddr(_printable(text))
    if read_email(address) is None or (not name and address != text.strip("<>")):
        raise ValueError(text)
    return text


def _sms_sender(text: str) -> str:
    if SMS_SENDER_FORM.fullmatch(text) is None:
        raise ValueError(text)
    return text


def _redis_address(text: str) -> str:
    parts = urlsplit(text)
    database = parts.path.strip("/")
    if parts.scheme not in {"redis", "rediss"} or not (database.isdigit() or not database):
        raise ValueError(text)
    _host(parts.hostname or "")
    parse_url(text)
    return text


SWITCH = word({"on": True, "off": False})
TEXT = ValueKind("printable text", _printable)
PLAIN_TEXT = ValueKind("text of ASCII characters without spaces", _plain)
PATH = ValueKind("the path of a file or folder", _printable)
WEB_ADDRESS = ValueKind("a web address such as https://shop.example.org", _web_address)
ORIGINS = ValueKind(
    "web origins such as https://shop.example.org, without a path, separated by commas",
    lambda text: frozenset(map(_origin, _parts(text))),
)
HOST = ValueKind("the name or the address of a host, without a port", _host)
HOSTS_WITH_PORTS = ValueKind(
    "hosts with their ports such as 10.0.0.5:9000, separated by commas",
    lambda text: frozenset(map(_host_with_port, _parts(text))),
)
NETWORKS = ValueKind(
    "addresses or ranges such as 10.0.0.0/8, separated by commas, or 'none'", _networks
)
MAIL_SENDER = ValueKind("an e-mail address", _mail_sender)
SMS_SENDER = ValueKind(
    "a phone number such as +15005550006, a short code, or at most 11 letters and digits",
    _sms_sender,
)
BUCKET_NAME = ValueKind(
    "the name of a bucket: 3 to 63 small letters, digits, points and hyphens", _bucket_name
)
DATABASE_ADDRESS = ValueKind(
    "an address such as postgresql://user:password@host:5432/darkstore,"
    " with no parameters but sslmode, host and port",
    parse_database_url,
)
REDIS_ADDRESS = ValueKind("an address such as redis://:password@host:6379/0", _redis_address)
