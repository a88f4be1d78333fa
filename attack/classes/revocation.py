"""Rights that end while their holders use all entry points: sockets, streams and operations.

The rights are ended in the database, as another process of the server does it: the attacked one is
told nothing. What is carried out or delivered later than five seconds after the end counts.
"""

import asyncio
from collections.abc import Sequence

from attack.figures import Effort, Figure
from attack.rights.holders import Holder, holders
from attack.rights.watches import WATCHES, Watched, watch
from attack.target import Target
from tests.support.production.harness import open_harness

BOUND_SECONDS = 5.0
SLACK_SECONDS = 2.0
"""What a busy machine may add to the time of the server."""


async def attack(target: Target, effort: Effort) -> Sequence[Figure]:
    """End the right of a holder of each kind in each way, at all entry points at the same time."""
    async with open_harness(target) as harness:
        chosen = await holders(harness, every=3 if effort.short else 1)
        results = await asyncio.gather(*(_watch(target, holder) for holder in chosen))
    watched = [(holder, one) for holder, of in zip(chosen, results, strict=True) for one in of]
    _tell(watched)
    everything = [one for _, one in watched]
    unserved = sum(not one.serving.is_set() for one in everything)
    return [
        Figure("kinds of holders and ways to end their right", len(chosen), 1, at_least=True),
        *(_seconds(entry_point, everything) for entry_point in WATCHES),
        Figure("answers and events later than that", sum(one.late for one in everything), 0),
        Figure("entry points that did not serve before the end", unserved, 0),
    ]


async def _watch(target: Target, holder: Holder) -> Sequence[Watched]:
    """Use every entry point of a holder, end the right after all have served, and go on."""
    return await watch(target, holder, BOUND_SECONDS + SLACK_SECONDS)


def _seconds(entry_point: str, everything: Sequence[Watched]) -> Figure:
    slowest = max(
        (one.ended_after for one in everything if one.entry_point == entry_point), default=0.0
    )
    return Figure(
        f"seconds until it ends: {entry_point}", slowest, BOUND_SECONDS + SLACK_SECONDS, "s"
    )


def _tell(watched: Sequence[tuple[Holder, Watched]]) -> None:
    for holder, one in watched:
        if one.late or not one.serving.is_set():
            print(f"revocation: {holder.name} {holder.way} {one}")
