"""Two servers behind a proxy are restarted one after the other while followers are connected.

`make bench-drain` runs the long form: 1,000 sockets, and connections closed over 15 seconds.
No follower misses an event, and the reconnects are spread over the drain time.
"""

import asyncio
import os
import random
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from benchmarks.live.listeners import ListenEndpoint
from database.sessions import Database
from local import process
from models.ids import encode_id
from models.orders import Order
from subscriptions.engine.hub import Hub
from tests.support.city import City
from tests.support.faults.followers import (
    TRACK,
    EventWriter,
    Follower,
    create_idle_order,
    delivery_error,
    head_of,
    sign_in_staff,
    until_snapshots,
)
from tests.support.faults.process_group import ServerGroup, steady_port
from tests.support.plugins.missing_programs import needs

SOCKETS = int(os.environ.get("SOCKETS", "60"))
DRAIN_SECONDS = float(os.environ.get("DRAIN_SECONDS", "4"))
EVENTS_PER_SECOND = 10.0
CATCH_UP_SECONDS = 60.0
STAFF_COUNT = 40
MAX_RECONNECT_PEAK = 1.5
SERVER_NAMES = ("left", "right")
CONFIGURATION = """
defaults
    mode http
    timeout connect 2s
    timeout client 60s
    timeout server 60s
    timeout tunnel 1h
frontend shop
    bind 127.0.0.1:{port}
    maxconn 8000
    default_backend servers
backend servers
    balance leastconn
    option httpchk GET /readyz
    default-server check inter 200ms fall 1 rise 2
    server left 127.0.0.1:{left}
    server right 127.0.0.1:{right}
"""

pytestmark = needs(
    "haproxy", present=shutil.which("haproxy") is not None, install="apt-get install haproxy"
)


@pytest.fixture
def ports(servers: ServerGroup) -> Iterator[dict[str, int]]:
    """The ports of two servers that drain for DRAIN_SECONDS."""
    ports = {name: steady_port() for name in SERVER_NAMES}
    servers.drain_seconds = DRAIN_SECONDS
    for name, port in ports.items():
        servers.launch(name, "server", "serve", "--port", str(port))
    for name, port in ports.items():
        servers.wait_until_ready(name, port)
    yield ports
    for name in SERVER_NAMES:
        process.kill(servers.children[name].pid)
        servers.children[name].wait()
    servers.drain_seconds = 1


@pytest.fixture
def proxy(ports: dict[str, int], tmp_path: Path) -> Iterator[int]:
    """The port of a proxy that only forwards to servers that are ready."""
    port, file = steady_port(), tmp_path / "haproxy.cfg"
    file.write_text(CONFIGURATION.format(port=port, **ports))
    child = subprocess.Popen(["haproxy", "-db", "-q", "-f", str(file)], start_new_session=True)
    yield port
    process.stop(child.pid, signal.SIGTERM)
    child.wait()


async def restart(servers: ServerGroup, name: str, port: int) -> tuple[float, float]:
    """Restart a server and wait until it is ready; returns when its drain began and ended."""
    started_at = time.monotonic()
    child = servers.children[name]
    child.send_signal(signal.SIGTERM)
    await asyncio.to_thread(child.wait, 60)
    closed_at = time.monotonic()
    assert child.returncode == 0 or child.returncode == -signal.SIGTERM, child.returncode
    servers.launch(name)
    await asyncio.to_thread(servers.wait_until_ready, name, port)
    await asyncio.sleep(1)  # until the proxy has noticed it
    return started_at, closed_at


def reconnect_peak(followers: Sequence[Follower], started_at: float) -> tuple[int, float]:
    """Return the number of reconnects during a drain, and its worst second divided by the mean."""
    times = [at - started_at for follower in followers for at in follower.connected_at]
    reconnects = [at for at in times if 0 <= at <= DRAIN_SECONDS + 3]
    per_second = Counter(int(at) for at in reconnects)
    peak = max(per_second.values(), default=0)
    return len(reconnects), peak * DRAIN_SECONDS / max(1, len(reconnects))


async def create_followers(
    servers: ServerGroup, server_database: Database, own_city: City, order: Order, port: int
) -> list[Follower]:
    """Create followers that connect by WebSocket through the proxy."""
    staff = await sign_in_staff(servers, server_database, own_city, STAFF_COUNT)
    followers = []
    for number in range(SOCKETS):
        token, key = staff[number % STAFF_COUNT].token, encode_id(Order, order.id)
        connection = ListenEndpoint(port, TRACK, key, token, snapshot=True)
        followers.append(Follower([connection], random.Random(number), transports=("ws",)))
    return followers


@pytest.mark.slow
@pytest.mark.timeout(400)
async def test_a_rolling_restart_loses_no_event_and_spreads_reconnects(
    servers: ServerGroup,
    ports: dict[str, int],
    proxy: int,
    server_database: Database,
    own_city: City,
) -> None:
    order: Order = await create_idle_order(server_database, own_city)
    hub = Hub(server_database, servers.instance.redis_url)
    server_database.announcer.subscribe(hub.publish_events)
    await hub.start()
    followers = await create_followers(servers, server_database, own_city, order, proxy)
    last_seq: int | None = None
    tasks = [
        asyncio.create_task(follower.follow(lambda: 600.0, lambda: last_seq))
        for follower in followers
    ]
    await until_snapshots(followers, CATCH_UP_SECONDS)
    writer = EventWriter(server_database, order.id)
    writing = asyncio.create_task(writer.write(100_000, EVENTS_PER_SECOND))
    drains = [await restart(servers, name, ports[name]) for name in SERVER_NAMES]
    writing.cancel()
    await asyncio.gather(writing, return_exceptions=True)
    last_seq = head = await head_of(servers, order)
    for follower in followers:
        follower.interrupt()
    async with asyncio.timeout(CATCH_UP_SECONDS):
        await asyncio.gather(*tasks)
    await hub.close()
    errors = [*filter(None, (delivery_error(follower, head) for follower in followers))]
    peaks = [reconnect_peak(followers, started_at) for started_at, _ in drains]
    for name, (started_at, closed_at), (count, peak) in zip(
        SERVER_NAMES, drains, peaks, strict=True
    ):
        drain = f"{name} drained in {closed_at - started_at:.1f} s"
        print(f"{drain}: {count} reconnects, peak {peak:.2f} x mean")
    print(f"{head} events to {SOCKETS} sockets: {len(errors)} followers with errors")
    assert not errors, errors[:3]
    assert all(peak < MAX_RECONNECT_PEAK for _, peak in peaks), peaks
