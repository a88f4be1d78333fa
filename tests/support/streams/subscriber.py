"""Watching through the graph, as a client does: documents in, messages out."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from execution import Answer
from tests.support.actors import Standing, engine
from tests.support.paths import OPERATIONS

PATIENCE_SECONDS = 10.0


@dataclass
class Line:
    """One running subscription; `seen` holds each message so far."""

    answers: AsyncGenerator[Answer, None]
    seen: list[Any] = field(default_factory=list)

    async def answer(self, seconds: float = PATIENCE_SECONDS) -> Answer:
        """The next answer, whatever it is."""
        async with asyncio.timeout(seconds):
            return await anext(self.answers)

    async def next(self, seconds: float = PATIENCE_SECONDS) -> Any:
        """The next message, which must not carry errors."""
        answer = await self.answer(seconds)
        assert not answer.errors, answer.errors
        assert answer.data is not None
        (message,) = answer.data.values()
        self.seen.append(message)
        return message

    async def until(self, type: str) -> Any:
        """The next message about an event of this type."""
        while True:
            message = await self.next()
            if type in (message.get("type"), (message.get("event") or {}).get("type")):
                return message

    async def refused(self, seconds: float = PATIENCE_SECONDS) -> str:
        """The code of the error that ends the subscription, with nothing after it."""
        answer = await self.answer(seconds)
        assert answer.data is None
        [error] = answer.errors or []
        assert [one async for one in self.answers] == []
        return str(error["extensions"]["code"])


@asynccontextmanager
async def watching(
    who: Standing, name: str, *, last_event_id: str | None = None, **variables: Any
) -> AsyncIterator[Line]:
    """Run `docs/operations/<name>.graphql`."""
    document = (OPERATIONS / f"{name}.graphql").read_text()
    prepared = engine().prepare(document)
    assert not isinstance(prepared, Answer), prepared.errors
    context = who.context(last_event_id=last_event_id)
    async with aclosing(engine().subscribe(prepared, variables, context)) as answers:
        yield Line(answers)
