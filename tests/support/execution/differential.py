"""Executes an operation by the compiled plan and by graphql-core, and compares the answers."""

from collections.abc import Callable, Mapping
from typing import Any

import orjson
import strawberry

from execution import Answer, Engine, Limits, PreparedOperation
from execution.runtime.answer import OnError

LOOSE_LIMITS = Limits(
    tokens=100_000, depth=100, aliases=10_000, fields=100_000, directives=10_000, cost=10**9,
    repeats=10_000, fragments=1_000,
)  # fmt: skip
Error = dict[str, Any]


class ExecutorPair:
    """Both executors for one schema; a document is prepared once for both."""

    def __init__(self, schema: strawberry.Schema, on_error: OnError | None = None) -> None:
        self.compiled = Engine(schema, limits=LOOSE_LIMITS, on_error=on_error)
        self.reference = Engine(schema, limits=LOOSE_LIMITS, on_error=on_error, reference=True)

    async def execute(
        self,
        query: str,
        variables: Mapping[str, Any] | None,
        context_factory: Callable[[], Any],
        root: Any = None,
    ) -> tuple[Answer, Answer]:
        """The answer of the compiled plan and the answer of graphql-core."""
        prepared = self.compiled.prepare(query)
        if not isinstance(prepared, PreparedOperation):
            return prepared, prepared
        ours = await self.compiled.execute(prepared, variables, context_factory(), root)
        theirs = await self.reference.execute(prepared, variables, context_factory(), root)
        return ours, theirs


async def compare(
    schema: strawberry.Schema,
    query: str,
    variables: Mapping[str, Any] | None,
    context_factory: Callable[[], Any],
    root: Any = None,
) -> Answer:
    """The answer of the compiled plan, after asserting that graphql-core's is equal."""
    compiled, expected = await ExecutorPair(schema).execute(query, variables, context_factory, root)
    assert_same(compiled, expected)
    return compiled


def assert_same(compiled: Answer, expected: Answer) -> None:
    """Assert that data, key order and errors are equal.

    The order of errors may differ. Below a value that was set to null the two may report different
    errors, depending on which they find first; each must report at least one.
    """
    assert compiled.executed == expected.executed
    assert data_json(compiled.data) == data_json(expected.data), (compiled.data, expected.data)
    assert_same_errors(compiled.errors or [], expected.errors or [], compiled.data)
    assert orjson.loads(compiled.encode()).keys() == orjson.loads(expected.encode()).keys()


def data_json(data: Any) -> bytes:
    """Data as JSON in key order, so that equal text means equal data."""
    return orjson.dumps(data, default=str, option=orjson.OPT_NON_STR_KEYS)


def assert_same_errors(compiled: list[Error], expected: list[Error], data: Any) -> None:
    """Assert equal errors in any order, except below values that were set to null."""
    ours, theirs = (
        {data_json(error): error for error in errors} for errors in (compiled, expected)
    )
    only_ours = [error for key, error in ours.items() if key not in theirs]
    only_theirs = [error for key, error in theirs.items() if key not in ours]
    for error in (*only_ours, *only_theirs):
        assert nulled_ancestor(error, data) is not None, (only_ours, only_theirs)
    our_nulls, their_nulls = (
        {nulled_ancestor(error, data) for error in errors} - {None}
        for errors in (compiled, expected)
    )
    assert our_nulls == their_nulls, (compiled, expected)


def nulled_ancestor(error: Error, data: Any) -> tuple[Any, ...] | None:
    """The path of the null above the error's path; None if there is none."""
    path = error.get("path") or []
    value = data
    for depth, key in enumerate(path):
        if value is None:
            return tuple(path[:depth])
        value = value[key]
    return None
