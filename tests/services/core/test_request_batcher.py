"""Concurrent requests are answered in batches, and parties take turns."""

import asyncio
from collections.abc import Sequence

import pytest

from services.core.problems import DomainError
from services.core.request_batcher import RequestBatcher, ServiceOverloaded

Request = tuple[str, int]


class BlockableBatcher:
    """Answers each number by its double and records the batches; works once `open` is set."""

    def __init__(self, queue_requests: int = 10, batch_requests: int = 4) -> None:
        self.batches: list[list[Request]] = []
        self.started = asyncio.Event()
        self.open = asyncio.Event()
        self.batcher: RequestBatcher[Request, int] = RequestBatcher(
            "test",
            self.work,
            batch_requests=batch_requests,
            queue_requests=queue_requests,
            workers=1,
            party=lambda request: request[0],
        )

    async def work(self, batch: Sequence[Request]) -> list[int]:
        self.started.set()
        await self.open.wait()
        self.batches.append(list(batch))
        return [2 * number for _, number in batch]

    async def occupy(self) -> asyncio.Task[int]:
        """Give the only worker a request, so that all others wait."""
        self.batcher.start()
        first = asyncio.create_task(self.batcher.submit(("a", 0)))
        await self.started.wait()
        return first

    async def submit(self, party: str, numbers: Sequence[int]) -> list[asyncio.Task[int]]:
        tasks = [asyncio.create_task(self.batcher.submit((party, number))) for number in numbers]
        await asyncio.sleep(0)
        return tasks


async def test_parties_take_turns_in_the_order_in_which_they_came() -> None:
    blockable = BlockableBatcher()
    first = await blockable.occupy()
    rush = await blockable.submit("a", range(1, 7))
    late = await blockable.submit("b", [10, 11])
    blockable.open.set()
    assert await asyncio.gather(first, *rush, *late) == [0, 2, 4, 6, 8, 10, 12, 20, 22]
    await blockable.batcher.close()
    assert blockable.batches == [
        [("a", 0)],
        [("a", 1), ("b", 10), ("a", 2), ("b", 11)],
        [("a", 3), ("a", 4), ("a", 5), ("a", 6)],
    ]


async def test_a_full_queue_evicts_from_the_party_with_the_most_requests() -> None:
    blockable = BlockableBatcher(queue_requests=4)
    first = await blockable.occupy()
    rush = await blockable.submit("a", range(1, 5))
    with pytest.raises(DomainError):
        await blockable.batcher.submit(("a", 5))  # its own queue is the longest
    late = await blockable.submit("b", [10, 11])
    assert blockable.batcher.waiting == 4
    with pytest.raises(DomainError) as refused:
        await blockable.batcher.submit(("b", 12))  # both parties have as many by now
    assert isinstance(refused.value.problems[0], ServiceOverloaded)
    blockable.open.set()
    answers = await asyncio.gather(first, *rush, *late, return_exceptions=True)
    await blockable.batcher.close()
    assert [one for one in answers if not isinstance(one, DomainError)] == [0, 2, 4, 20, 22]
    assert [isinstance(one, DomainError) for one in answers[3:5]] == [True, True]
    assert blockable.batcher.counters.shed == 4
    assert blockable.batcher.waiting == 0


async def test_counters_count_batches_requests_and_waits() -> None:
    blockable = BlockableBatcher()
    first = await blockable.occupy()
    rush = await blockable.submit("a", range(1, 5))
    blockable.open.set()
    await asyncio.gather(first, *rush)
    await blockable.batcher.close()
    counters = blockable.batcher.counters
    assert (counters.batches, counters.requests, counters.failed) == (2, 5, 0)
    assert (counters.sizes.total, counters.sizes.count) == (5, 2)
    assert counters.waits.count == 5
