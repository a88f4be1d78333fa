"""The small schema of the transport's tests, and what its resolvers have seen."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field

import strawberry


@dataclass
class Observations:
    """What the resolvers have seen and done, for tests to check."""

    bumps: int = 0
    canceled: int = 0
    refusals: int = 0
    sources_opened: int = 0
    sources_closed: int = 0
    numbers_sent: int = 0
    headers: list[Mapping[str, str]] = field(default_factory=list)
    clients: list[str] = field(default_factory=list)

    @property
    def sources_open(self) -> int:
        return self.sources_opened - self.sources_closed


@dataclass
class CallerContext:
    """The context of one operation."""

    name: str
    seen: Observations
    language: str


Info = strawberry.Info[CallerContext, None]


@strawberry.type
class Tick:
    cursor: str
    number: int


@strawberry.type
class Query:
    @strawberry.field
    def hello(self, name: str = "world") -> str:
        return f"hello {name}"

    @strawberry.field
    def caller(self, info: Info) -> str:
        return info.context.name

    @strawberry.field
    def language(self, info: Info) -> str:
        return info.context.language

    @strawberry.field
    def big(self, chars: int) -> str:
        return "x" * min(chars, 1_000_000)

    @strawberry.field
    def broken(self) -> str | None:
        raise ValueError("broken on purpose")

    @strawberry.field
    async def slow(self, info: Info, seconds: float) -> str:
        try:
            await asyncio.sleep(seconds)
        except asyncio.CancelledError:
            info.context.seen.canceled += 1
            raise
        return "at last"


@strawberry.type
class Mutation:
    @strawberry.mutation
    async def bump(self, info: Info, seconds: float = 0) -> int:
        await asyncio.sleep(seconds)
        info.context.seen.bumps += 1
        return info.context.seen.bumps


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def count(
        self, info: Info, to: int = 3, seconds: float = 0, chars: int = 1
    ) -> AsyncGenerator[Tick, None]:
        seen = info.context.seen
        seen.sources_opened += 1
        try:
            for number in range(1, to + 1):
                await asyncio.sleep(seconds)
                seen.numbers_sent += 1
                yield Tick(cursor=f"c{number}".ljust(chars, "."), number=number)
        finally:
            # A source closes with an awaited step, which must be run although it is canceled.
            await asyncio.sleep(0)
            seen.sources_closed += 1

    @strawberry.subscription
    async def breaks(self) -> AsyncGenerator[int, None]:
        yield 1
        raise ValueError("the source broke on purpose")
