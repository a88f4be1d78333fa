"""Many who ask at the same moment: answered in batches, each party in its turn."""

import asyncio
from collections.abc import Sequence

import pytest

from services.core.problems import Refused
from services.core.request_batcher import Busy, Together

Asked = tuple[str, int]


class Desk:
    """Answers by doubling, and remembers the batches; it rests until it is opened."""

    def __init__(self, queue_requests: int = 10, batch_requests: int = 4) -> None:
        self.batches: list[list[Asked]] = []
        self.begun = asyncio.Event()
        self.open = asyncio.Event()
        self.line: Together[Asked, int] = Together(
            "desk",
            self.work,
            batch_requests=batch_requests,
            queue_requests=queue_requests,
            workers=1,
            party=lambda asked: asked[0],
        )

    async def work(self, batch: Sequence[Asked]) -> list[int]:
        self.begun.set()
        await self.open.wait()
        self.batches.append(list(batch))
        return [2 * number for _, number in batch]

    async def busy(self) -> asyncio.Task[int]:
        """Let the one worker begin with something, so that all else waits."""
        self.line.start()
        first = asyncio.create_task(self.line.ask(("a", 0)))
        await self.begun.wait()
        return first

    async def wait(self, party: str, numbers: Sequence[int]) -> list[asyncio.Task[int]]:
        tasks = [asyncio.create_task(self.line.ask((party, number))) for number in numbers]
        await asyncio.sleep(0)
        return tasks


async def test_parties_have_their_turns_in_the_order_of_their_coming() -> None:
    desk = Desk()
    first = await desk.busy()
    rush = await desk.wait("a", range(1, 7))
    late = await desk.wait("b", [10, 11])
    desk.open.set()
    assert await asyncio.gather(first, *rush, *late) == [0, 2, 4, 6, 8, 10, 12, 20, 22]
    await desk.line.close()
    assert desk.batches == [
        [("a", 0)],
        [("a", 1), ("b", 10), ("a", 2), ("b", 11)],
        [("a", 3), ("a", 4), ("a", 5), ("a", 6)],
    ]


async def test_a_full_queue_makes_room_where_the_longest_line_is() -> None:
    desk = Desk(queue_requests=4)
    first = await desk.busy()
    rush = await desk.wait("a", range(1, 5))
    with pytest.raises(Refused):
        await desk.line.ask(("a", 5))  # its own line is the longest
    late = await desk.wait("b", [10, 11])
    assert desk.line.waiting == 4
    with pytest.raises(Refused) as refused:
        await desk.line.ask(("b", 12))  # both have the same by now
    assert isinstance(refused.value.reasons[0], Busy)
    desk.open.set()
    answers = await asyncio.gather(first, *rush, *late, return_exceptions=True)
    await desk.line.close()
    assert [one for one in answers if not isinstance(one, Refused)] == [0, 2, 4, 20, 22]
    assert [isinstance(one, Refused) for one in answers[3:5]] == [True, True]
    assert desk.line.counters.shed == 4
    assert desk.line.waiting == 0


async def test_figures_tell_of_batches_and_waits() -> None:
    desk = Desk()
    first = await desk.busy()
    rush = await desk.wait("a", range(1, 5))
    desk.open.set()
    await asyncio.gather(first, *rush)
    await desk.line.close()
    counters = desk.line.counters
    assert (counters.batches, counters.requests, counters.failed) == (2, 5, 0)
    assert (counters.sizes.total, counters.sizes.count) == (5, 2)
    assert counters.waits.count == 5
