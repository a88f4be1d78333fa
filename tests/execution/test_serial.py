"""Mutations run one after another, each to its end, whatever becomes of those before."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
import strawberry

from execution import Answer
from tests.support.execution.differential import Pair, assert_same
from tests.support.execution.field_shapes import Fault


@dataclass
class Log:
    """What was done, in its order."""

    done: list[str] = field(default_factory=list)


@strawberry.type
class Done:
    name: str

    @strawberry.field
    async def after(self, info: strawberry.Info[Log, None]) -> str:
        await asyncio.sleep(0)
        info.context.done.append(f"read {self.name}")
        return self.name

    @strawberry.field
    def strict(self, info: strawberry.Info[Log, None], fail: bool = False) -> str:
        info.context.done.append(f"strict {self.name}")
        if fail:
            raise Fault(f"{self.name} has none")
        return self.name


@strawberry.type
class Query:
    here: bool = True


@strawberry.type
class Mutation:
    @strawberry.mutation
    async def later(
        self, info: strawberry.Info[Log, None], name: str, fail: bool = False, turns: int = 3
    ) -> Done | None:
        info.context.done.append(f"begin {name}")
        for _ in range(turns):
            await asyncio.sleep(0)
        info.context.done.append(f"end {name}")
        if fail:
            raise Fault(f"{name} failed")
        return Done(name=name)

    @strawberry.mutation
    def now(self, info: strawberry.Info[Log, None], name: str, fail: bool = False) -> Done | None:
        info.context.done.append(f"now {name}")
        if fail:
            raise Fault(f"{name} failed")
        return Done(name=name)

    @strawberry.mutation
    async def must(self, info: strawberry.Info[Log, None], name: str, fail: bool = False) -> Done:
        info.context.done.append(f"must {name}")
        await asyncio.sleep(0)
        if fail:
            raise Fault(f"{name} failed")
        return Done(name=name)


PAIR = Pair(strawberry.Schema(Query, Mutation))
DOCUMENTS = {
    "each to its end": """mutation { a: later(name: "a", turns: 5) { after } b: now(name: "b") {
        name after } c: later(name: "c", turns: 1) { after strict } }""",
    "a failing middle": """mutation { a: now(name: "a") { after } b: later(name: "b", fail: true) {
        after } c: now(name: "c") { name } }""",
    "each fails": """mutation { a: now(name: "a", fail: true) { name } b: later(name: "b",
        fail: true) { name } }""",
    "a failing middle that must not be null": """mutation { a: later(name: "a") { after }
        b: must(name: "b", fail: true) { name } c: later(name: "c") { after } }""",
    "one below that must not be null": """mutation { a: now(name: "a") { strict(fail: true) after }
        b: must(name: "b") { name } }""",
    "and its parent must not be null either": """mutation { a: must(name: "a") {
        strict(fail: true) } b: now(name: "b") { name } }""",
    "merged and spread": """mutation { ...F a: later(name: "a") { name }
        b: now(name: "b") { name } }
        fragment F on Mutation { b: now(name: "b") { after } a: later(name: "a") { after } }""",
    "left out": """mutation ($no: Boolean = false) { a: now(name: "a") @include(if: $no) { name }
        b: now(name: "b") @skip(if: $no) { name } __typename }""",
    "the type's name between": """mutation { a: later(name: "a") { __typename } __typename
        b: now(name: "b") { after } }""",
    "a misfit": """mutation { a: now(name: "a") { name } b: now(name: 3) { name } }""",
}


async def both(document: str, variables: Mapping[str, Any] | None) -> tuple[Answer, list[Log]]:
    """The compiled answer, held equal to graphql-core's, and what each of them did."""
    logs: list[Log] = []

    def context() -> Log:
        logs.append(Log())
        return logs[-1]

    answers = await PAIR.answers(document, variables, context)
    assert_same(*answers)
    return answers[0], logs


@pytest.mark.parametrize("name", DOCUMENTS)
async def test_writes_are_done_in_their_order(name: str) -> None:
    _, logs = await both(DOCUMENTS[name], None)
    assert all(log.done == logs[0].done for log in logs)


async def test_nothing_is_written_after_one_that_must_not_have_failed() -> None:
    answer, (log, _) = await both(DOCUMENTS["a failing middle that must not be null"], None)
    assert answer.data is None
    assert log.done == ["begin a", "end a", "read a", "must b"]
