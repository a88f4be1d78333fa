"""The queue of password hashes gives every network its turn, and known devices a lane."""

import asyncio
import inspect
import threading

import pytest

from services.identity import password_queue
from services.identity.attempts import AttemptSource
from services.identity.password_queue import MAX_WAITING, PasswordQueue, PasswordsBusy


def stranger(network: str) -> AttemptSource:
    return AttemptSource(f"network:{network}", False, network)


KNOWN = AttemptSource("device:1", True, "device:1")


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Until it is set, no hash ends."""
    gate = threading.Event()

    def verify(_stored: str, text: str) -> bool:
        gate.wait(20)
        return text == "right"

    monkeypatch.setattr(password_queue, "verify_password", verify)
    monkeypatch.setattr(password_queue, "hash_password", lambda _text: "hash")
    return gate


async def wait(queue: PasswordQueue, source: AttemptSource, count: int) -> list[asyncio.Task[bool]]:
    tasks = [asyncio.create_task(queue.check("stored", "right", source)) for _ in range(count)]
    await asyncio.sleep(0)
    return tasks


async def test_a_flood_from_one_network_makes_room_for_another(gate: threading.Event) -> None:
    """A flood by one network refused eight of nine sign-ins of all others."""
    queue = PasswordQueue(cores=1)
    flood = await wait(queue, stranger("a"), MAX_WAITING + 1)
    (other,) = await wait(queue, stranger("b"), 1)
    with pytest.raises(PasswordsBusy):
        await flood[-1]
    gate.set()
    assert await other
    ended = sum(task.done() for task in flood)
    assert ended <= 4
    results = await asyncio.gather(*flood, return_exceptions=True)
    assert [type(result) for result in results].count(PasswordsBusy) == 1


async def test_known_devices_have_places_when_every_place_is_taken(gate: threading.Event) -> None:
    """A flood from as many networks as there are places: nobody of them waits twice."""
    queue = PasswordQueue(cores=1)
    flood = [
        task for n in range(MAX_WAITING + 1) for task in await wait(queue, stranger(str(n)), 1)
    ]
    (refused,) = await wait(queue, stranger("new"), 1)
    with pytest.raises(PasswordsBusy):
        await refused
    (known,) = await wait(queue, KNOWN, 1)
    gate.set()
    assert await known
    assert sum(task.done() for task in flood) <= 4
    assert all(await asyncio.gather(*flood))


async def test_a_canceled_wait_gives_its_turn_back(gate: threading.Event) -> None:
    """Clients that give up would fill the queue for those who wait."""
    queue = PasswordQueue(cores=1)
    running, *waiting = await wait(queue, stranger("a"), 4)
    waiting[0].cancel()
    gate.set()
    results = await asyncio.gather(running, *waiting, return_exceptions=True)
    assert [type(result) for result in results] == [bool, asyncio.CancelledError, bool, bool]
    assert await queue.check("stored", "right", KNOWN)


async def test_no_more_hashes_run_than_there_are_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    """Passwords of strangers would take all the CPU from everybody else."""
    running, most, lock = 0, 0, threading.Lock()

    def verify(_stored: str, _text: str) -> bool:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        threading.Event().wait(0.01)
        with lock:
            running -= 1
        return True

    monkeypatch.setattr(password_queue, "verify_password", verify)
    queue = PasswordQueue(cores=2)
    checks = [queue.check("stored", "x", stranger(str(n % 3))) for n in range(20)]
    assert all(await asyncio.gather(*checks))
    assert most == 2


@pytest.mark.parametrize("name", ["check", "hash", "renew"])
def test_every_hash_is_paid_by_a_source(name: str) -> None:
    """The password of an invitation was hashed on nobody's budget: no call may leave it out."""
    source = inspect.signature(getattr(PasswordQueue, name)).parameters["source"]
    assert source.default is inspect.Parameter.empty
