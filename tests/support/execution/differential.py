"""Runs one operation through the compiled plan and through graphql-core, and holds them equal."""

from collections.abc import Callable, Mapping
from typing import Any

import orjson
import strawberry

from execution import Answer, Engine, Limits, Prepared
from execution.running.answer import OnError

WIDE = Limits(
    tokens=100_000, depth=100, aliases=10_000, fields=100_000, directives=10_000, cost=10**9,
    repeats=10_000, fragments=1_000,
)  # fmt: skip
Error = dict[str, Any]


class Pair:
    """Both executors over one schema; a document is read once for the two."""

    def __init__(self, schema: strawberry.Schema, on_error: OnError | None = None) -> None:
        self.compiled = Engine(schema, limits=WIDE, on_error=on_error)
        self.reference = Engine(schema, limits=WIDE, on_error=on_error, reference=True)

    async def answers(
        self,
        query: str,
        variables: Mapping[str, Any] | None,
        context_factory: Callable[[], Any],
        root: Any = None,
    ) -> tuple[Answer, Answer]:
        """What the compiled plan and what graphql-core answers."""
        prepared = self.compiled.prepare(query)
        if not isinstance(prepared, Prepared):
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
    """The compiled answer, after holding it equal to graphql-core's."""
    compiled, expected = await Pair(schema).answers(query, variables, context_factory, root)
    assert_same(compiled, expected)
    return compiled


def assert_same(compiled: Answer, expected: Answer) -> None:
    """Equal in data, key order and errors.

    The order of errors is free. Below one nulled place the two may report different errors, since
    either may notice first that it has to be nulled; each must report at least one there.
    """
    assert compiled.executed == expected.executed
    assert text(compiled.data) == text(expected.data), (compiled.data, expected.data)
    assert_same_errors(compiled.errors or [], expected.errors or [], compiled.data)
    assert orjson.loads(compiled.encode()).keys() == orjson.loads(expected.encode()).keys()


def text(data: Any) -> bytes:
    """Data as JSON, keys in their order: two answers with the same text are the same answer."""
    return orjson.dumps(data, default=str, option=orjson.OPT_NON_STR_KEYS)


def assert_same_errors(compiled: list[Error], expected: list[Error], data: Any) -> None:
    """Equal errors, in any order, but for those below a place that a null has taken away."""
    ours, theirs = ({text(error): error for error in errors} for errors in (compiled, expected))
    only_ours = [error for key, error in ours.items() if key not in theirs]
    only_theirs = [error for key, error in theirs.items() if key not in ours]
    for error in (*only_ours, *only_theirs):
        assert null_above(error, data) is not None, (only_ours, only_theirs)
    our_places, their_places = (
        {null_above(error, data) for error in errors} - {None} for errors in (compiled, expected)
    )
    assert our_places == their_places, (compiled, expected)


def null_above(error: Error, data: Any) -> tuple[Any, ...] | None:
    """The nulled place that the error stands below, if it does not stand at that very place."""
    path = error.get("path") or []
    at = data
    for depth, step in enumerate(path):
        if at is None:
            return tuple(path[:depth])
        at = at[step]
    return None
