"""Root fields of a mutation run serially, each to its end, also after one that failed."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
import strawberry

from execution import Answer
from tests.support.execution.differential import ExecutorPair, assert_same
from tests.support.execution.field_shapes import Fault


@dataclass
class Log:
    """The steps executed, in order."""

    steps: list[str] = field(default_factory=list)


@strawberry.type
class Done:
    name: str

    @strawberry.field
    async def after(self, info: strawberry.Info[Log, None]) -> str:
        await asyncio.sleep(0)
        info.context.steps.append(f"read {self.name}")
        return self.name

    @strawberry.field
    def strict(self, info: strawberry.Info[Log, None], fail: bool = False) -> str:
        info.context.steps.append(f"strict {self.name}")
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
        info.context.steps.append(f"begin {name}")
        for _ in range(turns):
            await asyncio.sleep(0)
        info.context.steps.append(f"end {name}")
        if fail:
            raise Fault(f"{name} failed")
        return Done(name=name)

    @strawberry.mutation
    def now(self, info: strawberry.Info[Log, None], name: str, fail: bool = False) -> Done | None:
        info.context.steps.append(f"now {name}")
        if fail:
            raise Fault(f"{name} failed")
        return Done(name=name)

    @strawberry.mutation
    async def must(self, info: strawberry.Info[Log, None], name: str, fail: bool = False) -> Done:
        info.context.steps.append(f"must {name}")
        await asyncio.sleep(0)
        if fail:
            raise Fault(f"{name} failed")
        return Done(name=name)


PAIR = ExecutorPair(strawberry.Schema(Query, Mutation))
DOCUMENTS = {
    "each to its end": """mutation { a: later(name: "a", turns: 5) { after } b: now(name: "b") {
        name after } c: later(name: "c", turns: 1) { after strict } }""",
    "a failing field in the middle": """mutation { a: now(name: "a") { after }
        b: later(name: "b", fail: true) { after } c: now(name: "c") { name } }""",
    "each fails": """mutation { a: now(name: "a", fail: true) { name } b: later(name: "b",
        fail: true) { name } }""",
    "a failing non-null field in the middle": """mutation { a: later(name: "a") { after }
        b: must(name: "b", fail: true) { name } c: later(name: "c") { after } }""",
    "a failing non-null field below the root": """mutation {
        a: now(name: "a") { strict(fail: true) after } b: must(name: "b") { name } }""",
    "the same with a non-null parent": """mutation { a: must(name: "a") {
        strict(fail: true) } b: now(name: "b") { name } }""",
    "merged and spread": """mutation { ...F a: later(name: "a") { name }
        b: now(name: "b") { name } }
        fragment F on Mutation { b: now(name: "b") { after } a: later(name: "a") { after } }""",
    "skipped fields": """mutation ($no: Boolean = false) {
        a: now(name: "a") @include(if: $no) { name }
        b: now(name: "b") @skip(if: $no) { name } __typename }""",
    "a type name between fields": """mutation { a: later(name: "a") { __typename } __typename
        b: now(name: "b") { after } }""",
    "an invalid argument": """mutation { a: now(name: "a") { name } b: now(name: 3) { name } }""",
}


async def compare_with_logs(
    document: str, variables: Mapping[str, Any] | None
) -> tuple[Answer, list[Log]]:
    """The compiled answer, asserted equal to graphql-core's, and the steps of each executor."""
    logs: list[Log] = []

    def context() -> Log:
        logs.append(Log())
        return logs[-1]

    answers = await PAIR.execute(document, variables, context)
    assert_same(*answers)
    return answers[0], logs


@pytest.mark.parametrize("name", DOCUMENTS)
async def test_mutations_run_in_document_order(name: str) -> None:
    _, logs = await compare_with_logs(DOCUMENTS[name], None)
    assert all(log.steps == logs[0].steps for log in logs)


async def test_no_mutation_runs_after_a_failed_non_null_field() -> None:
    answer, (log, _) = await compare_with_logs(
        DOCUMENTS["a failing non-null field in the middle"], None
    )
    assert answer.data is None
    assert log.steps == ["begin a", "end a", "read a", "must b"]
