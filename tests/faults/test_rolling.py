"""Two servers behind a proxy are restarted one after the other under those who listen.

`make bench-drain` runs the long form: 1,000 sockets, and closes that are spread over 15 seconds.
Nobody misses an event, and nobody comes back in a herd.
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

from benchmarks.live.crowd import Door
from database.sessions import Database
from local import process
from models.identity import Grant, Role
from models.ids import encode
from models.orders import Order
from subscriptions.engine.hub import Hub
from tests.faults.test_chaos import order_of
from tests.support.city import City
from tests.support.faults.followers import TRACK, Follower, Writing, missing
from tests.support.faults.process_group import Town, steady_port

SOCKETS = int(os.environ.get("SOCKETS", "60"))
DRAIN_SECONDS = float(os.environ.get("DRAIN_SECONDS", "4"))
EVENTS_PER_SECOND = 10.0
PEOPLE = 40
HERD = 1.5
SERVERS = ("left", "right")
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

pytestmark = pytest.mark.skipif(
    shutil.which("haproxy") is None, reason="there is no haproxy here: apt-get install haproxy"
)


@pytest.fixture
def ports(running: Town) -> Iterator[dict[str, int]]:
    """Two servers that take their time to leave."""
    found = {name: steady_port() for name in SERVERS}
    running.drain_seconds = DRAIN_SECONDS
    for name, port in found.items():
        running.launch(name, "server", "serve", "--port", str(port))
    for name, port in found.items():
        running.await_ready(name, port)
    yield found
    for name in SERVERS:
        process.kill(running.children[name].pid)
        running.children[name].wait()
    running.drain_seconds = 1


@pytest.fixture
def proxy(ports: dict[str, int], tmp_path: Path) -> Iterator[int]:
    """The port of a proxy that sends nobody to a server which is not ready."""
    port, file = steady_port(), tmp_path / "haproxy.cfg"
    file.write_text(CONFIGURATION.format(port=port, **ports))
    child = subprocess.Popen(["haproxy", "-db", "-q", "-f", str(file)], start_new_session=True)
    yield port
    process.stop(child.pid, signal.SIGTERM)
    child.wait()


async def restarted(town: Town, name: str, port: int) -> tuple[float, float]:
    """From when until when a server was leaving; it is back and ready afterwards."""
    began = time.monotonic()
    child = town.children[name]
    child.send_signal(signal.SIGTERM)
    await asyncio.to_thread(child.wait, 60)
    ended = time.monotonic()
    assert child.returncode == 0 or child.returncode == -signal.SIGTERM, child.returncode
    town.launch(name)
    await asyncio.to_thread(town.await_ready, name, port)
    await asyncio.sleep(1)  # until the proxy knows as well
    return began, ended


def herd(followers: Sequence[Follower], began: float) -> tuple[int, float]:
    """How many came back during a drain, and by how much its worst second exceeded its mean."""
    times = [at - began for one in followers for at in one.connected]
    back = [at for at in times if 0 <= at <= DRAIN_SECONDS + 3]
    seconds = Counter(int(at) for at in back)
    return len(back), max(seconds.values(), default=0) * DRAIN_SECONDS / max(1, len(back))


async def gathered(
    town: Town, books: Database, quarter: City, order: Order, port: int
) -> list[Follower]:
    """Staff of the order's store, who listen by WebSocket through the proxy."""
    grant = Grant(Role.STORE_STAFF, quarter.company.id, quarter.near.id)
    people = [await town.sign_in(books, f"Staff {n}", grant) for n in range(PEOPLE)]
    found = []
    for number in range(SOCKETS):
        token, key = people[number % PEOPLE].token, encode(Order, order.id)
        door = Door(port, TRACK, key, token, snapshot=True)
        found.append(Follower([door], random.Random(number), kinds=("ws",)))
    return found


@pytest.mark.slow
@pytest.mark.timeout(400)
async def test_a_rolling_restart_loses_no_event_and_makes_no_herd(
    running: Town, ports: dict[str, int], proxy: int, books: Database, quarter: City
) -> None:
    order: Order = await order_of(books, quarter)
    hub = Hub(books, running.instance.redis_url)
    books.announce = hub.announce
    await hub.start()
    followers = await gathered(running, books, quarter, order, proxy)
    last: list[int] = []
    following = [
        asyncio.create_task(one.follow(lambda: 600.0, lambda: last[0] if last else None))
        for one in followers
    ]
    async with asyncio.timeout(60):
        while any(one.began_at is None for one in followers):  # noqa: ASYNC110 - told by many
            await asyncio.sleep(0.05)
    writing = Writing(books, order.id)
    pen = asyncio.create_task(writing.write(100_000, EVENTS_PER_SECOND))
    drains = [await restarted(running, name, ports[name]) for name in SERVERS]
    pen.cancel()
    await asyncio.gather(pen, return_exceptions=True)
    query = "select seq from stream where stream = $1"
    ((head,),) = await running.rows(query, f"order:{order.id}")
    last.append(head)
    for one in followers:
        one.nudge()
    async with asyncio.timeout(60):
        await asyncio.gather(*following)
    await hub.close()
    wrong = [said for one in followers if (said := missing(one, head)) is not None]
    herds = [herd(followers, began) for began, _ in drains]
    for name, (began, ended), (back, peak) in zip(SERVERS, drains, herds, strict=True):
        print(f"{name} left in {ended - began:.1f} s: {back} came back, {peak:.2f} x mean at worst")
    print(f"{head} events to {SOCKETS} sockets: {len(wrong)} went wrong")
    assert not wrong, wrong[:3]
    assert all(peak < HERD for _, peak in herds), herds
