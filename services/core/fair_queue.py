"""A bounded queue that is fair: each party's items wait in a queue of their own, served in turns.

However many items of one party wait, another's next one is served in the next turn; when the queue
is full, room is made in the longest of these queues.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable
from typing import TypeVar

T = TypeVar("T")


class FairQueue(asyncio.Queue[T]):
    """`party` tells whose an item is; the items of one party are served first in, first out."""

    def __init__(self, maxsize: int, party: Callable[[T], Hashable]) -> None:
        self._party = party
        self._queues: OrderedDict[Hashable, deque[T]] = OrderedDict()
        self._count = 0
        super().__init__(maxsize)

    def qsize(self) -> int:
        """How many items wait, of all parties."""
        return self._count

    def empty(self) -> bool:
        """Whether no item waits."""
        return not self._count

    def evict_for(self, newcomer: T) -> T | None:
        """Remove the last item of the longest queue, to make room for one of a shorter queue.

        None when the newcomer's own queue would be as long. An evicted item counts as done.
        """
        longest = max(self._queues.values(), key=len, default=None)
        own = self._queues.get(self._party(newcomer), ())
        if longest is None or len(longest) <= len(own) + 1:
            return None
        self._count -= 1
        self.task_done()
        return longest.pop()

    def _init(self, maxsize: int) -> None:
        """Nothing: the constructor has made the queues."""

    def _put(self, item: T) -> None:
        self._queues.setdefault(self._party(item), deque()).append(item)
        self._count += 1

    def _get(self) -> T:
        party, queue = next(iter(self._queues.items()))
        item = queue.popleft()
        self._count -= 1
        if queue:
            self._queues.move_to_end(party)
        else:
            del self._queues[party]
        return item
