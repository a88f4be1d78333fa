"""Those who stand at the same place of the same streams are told together.

A subscription walks alone from its cursor until it has caught up. If others follow the same streams
it then leaves its loop to their circle, which takes each step once, has one of those who hear equal
answers make theirs, and hands it to all of them: for each it costs one call. Whoever has no room
for it, or may not listen any more, walks alone again from the last step it was told.

Where events come faster than many can walk alone nobody would ever be exactly where the others are:
a circle remembers its last steps, and who is only these behind is told them while it joins.
"""

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from execution.fanout_port import Outlet
from execution.running.answer import Answer
from services.core.cursors import Place, place_of
from subscriptions.engine.stream_reader import Course, Step

if TYPE_CHECKING:
    from subscriptions.engine.hub import Hub

log = logging.getLogger("darkstore.streams")

TOLD_STEPS = 64
TOLD_SECONDS = 2.0

Key = tuple[Hashable, ...]
Tell = Callable[[Step], Awaitable[Answer | None]]


class Walker:
    """One subscription in a circle: `left` is done when it has to walk alone again."""

    __slots__ = ("left", "outlet", "places", "tell")

    def __init__(self, places: dict[str, Place], outlet: Outlet, tell: Tell) -> None:
        self.places = places
        self.outlet = outlet
        self.tell = tell
        self.left: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def hear(self, step: Step, place: Place | None, answer: Answer | None) -> bool:
        """Take an answer, unless it is of what was heard before; False when there is no room.

        Without an answer there is nothing to say of this step.
        """
        hint = step.hint
        if hint is None or place is None:
            return answer is None or self.outlet.sink(answer)
        if hint.seq <= self.places[hint.stream].seq:
            return True
        if answer is not None and not self.outlet.sink(answer):
            return False
        self.places[hint.stream] = place
        return True

    def leave(self, fault: Exception | None = None) -> None:
        """Have it walk alone again, or end."""
        if self.left.done():
            return
        if fault is None:
            self.left.set_result(None)
        else:
            self.left.set_exception(fault)


@dataclass(frozen=True, slots=True)
class Told:
    """An event that all in the circle have been told, and what each audience was answered."""

    step: Step
    place: Place
    events: int
    answers: Mapping[Hashable, Answer | None]


class Circle:
    """Walks the course of its first member for all of them, as long as there are any."""

    def __init__(self, course: Course) -> None:
        self._course = course
        # In one stream: the number of the event whose telling was begun last.
        self._begun = max((place.seq for place in course.places.values()), default=0)
        self._told: deque[Told] = deque(maxlen=TOLD_STEPS)
        self._forgetting: asyncio.TimerHandle | None = None
        self._groups: dict[Hashable, dict[Walker, None]] = {}
        self._count = 0
        self._ending = False
        self._task = asyncio.create_task(self._walk(), name="circle")
        # Not at the end of the walk: a task that is canceled before it begins has none.
        self._task.add_done_callback(self._disband)

    def __len__(self) -> int:
        return self._count

    def ended(self, then: Callable[[], None]) -> None:
        """Call `then` when it is over."""
        self._task.add_done_callback(lambda _: then())

    @property
    def over(self) -> bool:
        """Whether it has ended or is about to, with all its members sent on their ways."""
        return self._ending or self._task.done()

    def takes(self, places: dict[str, Place], audience: Hashable) -> bool:
        """Whether somebody at these places misses nothing here.

        In one stream it may be ahead: it is not told again what it has heard. It may also be
        behind by what is remembered of the steps that others of its audience were told.
        """
        if len(places) != 1:
            return places == self._course.places
        (seq,) = (place.seq for place in places.values())
        if seq >= self._begun:
            return True
        missed = [one for one in self._told if one.place.seq > seq]
        return (
            bool(missed)
            and missed[0].place.seq - missed[0].events <= seq
            and missed[-1].place.seq == self._begun
            and all(audience in one.answers for one in missed)
        )

    def join(self, walker: Walker) -> bool:
        """Take somebody in, unless there is no room for the steps it is behind by."""
        audience = walker.outlet.audience
        for one in self._told:
            if not walker.hear(one.step, one.place, one.answers.get(audience)):
                return False
        self._groups.setdefault(audience, {})[walker] = None
        self._count += 1
        return True

    def drop(self, walker: Walker) -> None:
        """Go on without a member; the last one ends the circle."""
        group = self._groups.get(walker.outlet.audience)
        if group is None or walker not in group:
            return
        del group[walker]
        self._count -= 1
        if not group:
            del self._groups[walker.outlet.audience]
        if not self._groups:
            self._ending = True
            self._task.cancel()

    async def close(self) -> None:
        self._ending = True
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _walk(self) -> None:
        try:
            while True:
                await self._course.fill()
                while self._course.ready:
                    await self._tell(self._course.ready.popleft())
        except Exception as error:
            # Whatever it is, each of them meets it alone, and only those whom it concerns.
            log.info("a circle of %d is broken up: %r", self._count, error)

    def _disband(self, task: asyncio.Task[None]) -> None:
        self._course.close()
        if self._forgetting is not None:
            self._forgetting.cancel()
        for group in self._groups.values():
            for walker in group:
                walker.leave()
        self._groups.clear()
        self._count = 0

    async def _tell(self, step: Step) -> None:
        hint = step.hint
        place = None if hint is None else place_of(hint.seq, hint.at)
        if hint is not None:
            self._begun = hint.seq
        answers: dict[Hashable, Answer | None] = {}
        for audience in list(self._groups):
            group = self._groups.get(audience)
            if not group:
                continue  # they left while another group was told
            answer = answers[audience] = await next(iter(group)).tell(step)
            for walker in [one for one in group if not one.hear(step, place, answer)]:
                self.drop(walker)
                walker.leave()
        if hint is not None and place is not None:
            self._remember(Told(step, place, hint.events, answers))

    def _remember(self, told: Told) -> None:
        """Keep a step for those who come too late for it, as long as steps follow each other."""
        self._told.append(told)
        if self._forgetting is not None:
            self._forgetting.cancel()
        loop = asyncio.get_running_loop()
        self._forgetting = loop.call_later(TOLD_SECONDS, self._told.clear)


class Circles:
    """The circles of a process; one begins when a second subscription follows equal streams."""

    def __init__(self, hub: "Hub") -> None:
        self._hub = hub
        self._following: Counter[Key] = Counter()
        self._circles: dict[Key, Circle] = {}

    def __len__(self) -> int:
        return len(self._circles)

    @property
    def members(self) -> int:
        """How many subscriptions are told together with others now."""
        return sum(map(len, self._circles.values()))

    def follow(self, key: Key) -> None:
        """Count somebody in who follows these streams, alone or with others."""
        self._following[key] += 1

    def unfollow(self, key: Key) -> None:
        self._following[key] -= 1
        if not self._following[key]:
            del self._following[key]

    def open_to(self, key: Key, course: Course, audience: Hashable) -> Circle | None:
        """The circle that this course can be left to, now, without missing anything."""
        circle = self._circles.get(key)
        if circle is not None and not circle.over:
            return circle if circle.takes(course.places, audience) else None
        if self._following[key] < 2 or course.lagging:
            return None
        mine = Course(course.source, course.streams, course.topic)
        mine.set_out(dict(course.places), lagging=not course.still)
        circle = self._circles[key] = Circle(mine)
        circle.ended(lambda: self._forget(key, circle))
        return circle

    def _forget(self, key: Key, circle: Circle) -> None:
        if self._circles.get(key) is circle:
            del self._circles[key]

    async def close(self) -> None:
        for circle in list(self._circles.values()):
            await circle.close()
