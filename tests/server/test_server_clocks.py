"""Deadlines are the database's: what reads the clock of its machine has a reason."""

import re
from collections.abc import Iterator

import pytest

from tests.support.paths import ROOT

WALL_CLOCK = re.compile(r"\b(?:time\.time\(|datetime\.(?:now|utcnow|today)\(|date\.today\()")
LAYERS = (
    "database", "dataloaders", "execution", "gateways", "jobs", "models", "resolvers", "schema",
    "server", "services", "subscriptions", "workflows",
)  # fmt: skip
REASONS = {
    "gateways/objects/disk_objects.py": "the end of an address that the same machine signed",
    "gateways/payments/stripe_responses.py": "the time of the provider, when it names none",
    "gateways/storage.py": "the age of files, whose times are those of the machine",
    "jobs/integrations.py": "the time in a signature, which receivers compare with theirs",
    "server/auth/header_authenticator.py": "the end of a socket of an API key, with the leeway",
    "server/clock_check.py": "it compares this clock with the database's",
    "server/transport/stream/event_stream.py": "the end of a token, with the leeway",
    "server/transport/websocket/socket_timers.py": "the end of a token, with the leeway",
    "services/core/access.py": "24 hours of sight after an order, off by seconds at most",
    "services/events/partitions.py": "a day of partitions, with a day to spare",
    "services/identity/access_tokens.py": "times of tokens, which are read with a leeway",
    "subscriptions/orders.py": "what is shown of a position that names no time",
    "workflows/files/addresses.py": "the life of an address, which ends with its upload at most",
    "workflows/identity/authenticator.py": "the end of cached claims, with the leeway",
}
"""Why a clock that is 30 s off does no harm there."""


def readers() -> Iterator[str]:
    for layer in LAYERS:
        for file in sorted((ROOT / layer).rglob("*.py")):
            if WALL_CLOCK.search(file.read_text()):
                yield file.relative_to(ROOT).as_posix()


def test_no_deadline_comes_from_the_clock_of_a_server() -> None:
    """The clock of one server is 30 s ahead: orders that it places must not expire 30 s early.

    Stored times and deadlines come from `services.core.clock` or from the statement. A new reading
    of the machine's clock needs a line in REASONS.
    """
    assert set(readers()) == set(REASONS)


@pytest.mark.parametrize("text", ["time.time()", "datetime.now(UTC)", "date.today()"])
def test_a_reading_of_the_clock_is_found(text: str) -> None:
    assert WALL_CLOCK.search(f"due_at = {text} + wait")
