"""A bounded queue that is fair: each party waits in a line of its own, and has its turn.

However many of one party wait, another's next one is served in the next round; and when the queue
is full, room is made where the longest line is.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable
from typing import TypeVar

T = TypeVar("T")


class FairQueue(asyncio.Queue[T]):
    """`party` says whose an item is; of one party, the first that came is the first served."""

    def __init__(self, maxsize: int, party: Callable[[T], Hashable]) -> None:
        self._party = party
        self._lines: OrderedDict[Hashable, deque[T]] = OrderedDict()
        self._count = 0
        super().__init__(maxsize)

    def qsize(self) -> int:
        """How many wait in all lines."""
        return self._count

    def empty(self) -> bool:
        """Whether nobody waits."""
        return not self._count

    def push_out(self, newcomer: T) -> T | None:
        """Take the last of the longest line out, so that a newcomer of a shorter one has room.

        None when the newcomer's own line would be as long. Whoever is taken out counts as done.
        """
        longest = max(self._lines.values(), key=len, default=None)
        mine = self._lines.get(self._party(newcomer), ())
        if longest is None or len(longest) <= len(mine) + 1:
            return None
        self._count -= 1
        self.task_done()
        return longest.pop()

    def _init(self, maxsize: int) -> None:
        """The lines stand already."""

    def _put(self, item: T) -> None:
        self._lines.setdefault(self._party(item), deque()).append(item)
        self._count += 1

    def _get(self) -> T:
        party, line = next(iter(self._lines.items()))
        item = line.popleft()
        self._count -= 1
        if line:
            self._lines.move_to_end(party)
        else:
            del self._lines[party]
        return item
