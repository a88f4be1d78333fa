"""Subscribes through the GraphQL engine, as a client does."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from execution import Answer
from tests.support.actors import ActorClient, engine
from tests.support.paths import OPERATIONS

TIMEOUT_SECONDS = 60.0


@dataclass
class GraphSubscription:
    """A running subscription; `messages` holds every message received so far."""

    answers: AsyncGenerator[Answer, None]
    messages: list[Any] = field(default_factory=list)

    async def next_answer(self, seconds: float = TIMEOUT_SECONDS) -> Answer:
        """Return the next answer, with or without errors."""
        async with asyncio.timeout(seconds):
            return await anext(self.answers)

    async def next_message(self, seconds: float = TIMEOUT_SECONDS) -> Any:
        """Return the next message, which must not have errors."""
        answer = await self.next_answer(seconds)
        assert not answer.errors, answer.errors
        assert answer.data is not None
        (message,) = answer.data.values()
        self.messages.append(message)
        return message

    async def next_of_type(self, type: str) -> Any:
        """Skip messages until one about an event of this type, and return it."""
        while True:
            message = await self.next_message()
            if type in (message.get("type"), (message.get("event") or {}).get("type")):
                return message

    async def final_error_code(self, seconds: float = TIMEOUT_SECONDS) -> str:
        """Return the code of the error that ends the subscription; nothing may follow it."""
        answer = await self.next_answer(seconds)
        assert answer.data is None
        [error] = answer.errors or []
        assert [extra async for extra in self.answers] == []
        return str(error["extensions"]["code"])


@asynccontextmanager
async def subscribe(
    who: ActorClient, name: str, *, last_event_id: str | None = None, **variables: Any
) -> AsyncIterator[GraphSubscription]:
    """Run the subscription of `docs/operations/<name>.graphql` as an actor."""
    document = (OPERATIONS / f"{name}.graphql").read_text()
    prepared = engine().prepare(document)
    assert not isinstance(prepared, Answer), prepared.errors
    context = who.context(last_event_id=last_event_id)
    async with aclosing(engine().subscribe(prepared, variables, context)) as answers:
        yield GraphSubscription(answers)
