"""What counts as one network: whole IPv6 prefixes, and IPv4 however it is written."""

from ipaddress import IPv4Address, IPv6Address, IPv6Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.core.address_rate_limit import SITE_FACTOR, AddressRateLimit
from services.core.network_address import parse_network
from services.core.problems import DomainError

V4 = st.integers(0x01000000, 0xDFFFFFFF).filter(lambda n: n >> 24 != 127).map(IPv4Address)
GLOBAL_V6 = st.integers(0x2600 << 112, (0x2C00 << 112) - 1).map(IPv6Address)
LOW_64_BITS = st.integers(0, 2**64 - 1)


@given(GLOBAL_V6, LOW_64_BITS)
def test_all_addresses_of_an_ipv6_64_are_one_client(address: IPv6Address, low: int) -> None:
    """An IPv6 client walks around a limit by taking another address of its own /64."""
    neighbor = IPv6Address(int(address) >> 64 << 64 | low)
    assert parse_network(str(address)) == parse_network(neighbor.exploded)
    assert parse_network(str(address)).key == f"{IPv6Network((int(address), 64), strict=False)}"


@given(GLOBAL_V6, st.integers(0, 2**80 - 1))
def test_all_clients_of_an_ipv6_48_are_one_site(address: IPv6Address, low: int) -> None:
    neighbor = IPv6Address(int(address) >> 80 << 80 | low)
    networks = [parse_network(str(each)) for each in (address, neighbor)]
    assert networks[0].site_key == networks[1].site_key == networks[0].share_key


@given(V4)
def test_an_ipv4_address_is_the_same_however_it_is_written(address: IPv4Address) -> None:
    """Mapped, translated, tunneled: an IPv4 client has one count."""
    bits = int(address)
    teredo = IPv6Address(0x20010000 << 96 | 0x04030201 << 64 | (bits ^ 0xFFFFFFFF))
    for form in (
        f"::ffff:{address}",
        f"::FFFF:{bits >> 16:x}:{bits & 0xFFFF:x}",
        str(IPv6Address((0x64FF9B << 96) | bits)),
        str(IPv6Address((0x2002 << 112) | (bits << 80) | 1)),
        str(teredo),
    ):
        assert parse_network(form) == parse_network(str(address)), form
    assert parse_network(str(address)).site_key is None


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "::ffff:127.0.0.9", "unknown", ""])
def test_this_machine_is_not_limited(address: str) -> None:
    assert not parse_network(address).limited


@given(st.text(min_size=1).filter(lambda text: text != "unknown" and not text[0].isdigit()))
def test_text_that_is_no_address_gets_no_limit_of_its_own(text: str) -> None:
    network = parse_network("x" + text)
    assert (network.key, network.limited) == ("invalid", True)


def test_a_scoped_address_is_in_the_network_without_its_scope() -> None:
    assert parse_network("fe80::1%eth0") == parse_network("fe80::2%eth1")


def test_an_ipv6_client_and_its_site_have_limits_of_their_own() -> None:
    """130 guests came from one /64, each under an address of its own; a /48 has 65,536 of them."""
    limit = AddressRateLimit("guests were started", per_hour=10)
    allowed = _allowed(limit, (f"2001:db8:1:2::{n:x}" for n in range(50)))
    assert allowed == 10
    others = (f"2001:db8:1:{n:x}::1" for n in range(100, 200))
    assert _allowed(limit, others) == 10 * SITE_FACTOR - 10
    assert _allowed(limit, ["2001:db8:2:2::1"]) == 1


def _allowed(limit: AddressRateLimit, addresses: object) -> int:
    count = 0
    for address in addresses:  # type: ignore[attr-defined] # any iterable
        try:
            limit.count_attempt(address)
        except DomainError:
            continue
        count += 1
    return count
