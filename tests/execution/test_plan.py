"""Behavior beyond graphql-core's: the number, arguments and order of batch calls, and limits."""

import asyncio
from typing import Any

import pytest
import strawberry

from execution import Answer, Engine, PreparedOperation
from tests.support.execution.differential import LOOSE_LIMITS
from tests.support.execution.shop_context import Context, Loaders
from tests.support.execution.shop_schema import schema


async def execute(query: str, context: Any = None, **variables: Any) -> Answer:
    engine = Engine(schema, limits=LOOSE_LIMITS)
    prepared = engine.prepare(query)
    assert isinstance(prepared, PreparedOperation), prepared
    return await engine.execute(prepared, variables, context or Context())


async def test_a_level_is_one_call_of_each_batch_with_each_key_once() -> None:
    context = Context()
    await execute("{ products { brand { id products { maybeBrand { id } } } } }", context)
    assert context.loaders.calls == [
        ("brand_by_id", [1, 2, 0]),
        ("products_by_brand", [1, 2, 0]),
        ("brand_by_id", [1, 2, 0]),
    ]


async def test_fields_that_read_one_batch_at_one_level_share_the_call() -> None:
    context = Context()
    await execute("{ products(first: 2) { a: brand { id } maybeBrand { id } } }", context)
    assert context.loaders.calls == [("brand_by_id", [1, 2])]


async def test_lists_of_several_types_still_read_a_level_in_one_call() -> None:
    context = Context()
    query = (
        "{ offers { ... on Bundle { products { brand { id } } } ... on Product { brand { id } } } }"
    )
    answer = await execute(query, context)
    assert answer.errors is None
    assert context.loaders.calls == [("brand_by_id", [1, 2])]


async def test_a_batch_with_look_receives_the_selected_fields() -> None:
    context = Context()
    await execute(
        "{ products(first: 1) { shelf { ...F key: id } } } fragment F on Brand { name }", context
    )
    assert context.loaders.calls == [("shelf_by_brand", [1, frozenset({"id", "name"})])]


async def test_a_denied_field_reads_nothing_and_fails_at_each_parent() -> None:
    context = Context(staff=False)
    answer = await execute("{ products(first: 2) { staffBrand { name } } }", context)
    assert context.loaders.calls == []
    assert [error["path"] for error in answer.errors or []] == [
        ["products", 0, "staffBrand"],
        ["products", 1, "staffBrand"],
    ]


async def test_a_null_that_propagates_stops_the_reads_below_it() -> None:
    context = Context()
    answer = await execute("{ strictProducts { brand { name } fails } }", context)
    assert answer.data is None
    assert context.loaders.calls == []


async def test_mutations_run_one_after_the_other() -> None:
    context = Context()
    query = 'mutation { a: write(what: "a") { brand { id } } b: write(what: "b") { id } }'
    await execute(query, context)
    assert context.log == ["begin a", "end a", "begin b", "end b"]


async def test_a_failed_non_null_mutation_stops_the_following_ones() -> None:
    context = Context()
    answer = await execute('mutation { a: must(what: "fail") b: must(what: "b") }', context)
    assert answer.data is None
    assert context.log == ["must fail"]


async def test_a_canceled_value_is_an_error_of_its_field_only() -> None:
    for query in ("{ canceled now }", "{ canceled products { id brand { id } checked } }"):
        answer = await execute(query)
        assert answer.data["canceled"] is None
        assert [error["path"] for error in answer.errors or []] == [["canceled"]]


async def test_a_shared_key_beside_a_failing_sibling_is_answered() -> None:
    answer = await execute(
        "{ products { brand { id } fails } named { ... on Product { brand { id } } } }"
    )
    assert answer.data["products"] == [None] * 5
    assert answer.data["named"][0] == {"brand": {"id": "1"}}


@strawberry.type
class Slow:
    @strawberry.field
    async def wait(self, info: strawberry.Info) -> str:
        context: Any = info.context
        context["running"] += 1
        if context["running"] == context["together"]:
            context["all running"].set()
        try:
            await context["all running"].wait()
            await context["release"].wait()
        except asyncio.CancelledError:
            context["canceled"] += 1
            raise
        return "done"


def slow_context(together: int) -> dict[str, Any]:
    events = {"release": asyncio.Event(), "all running": asyncio.Event()}
    return {"running": 0, "together": together, "canceled": 0, **events}


async def test_resolvers_of_one_level_run_concurrently() -> None:
    context = slow_context(3)
    context["release"].set()
    engine = Engine(strawberry.Schema(Slow))
    prepared = engine.prepare("{ a: wait b: wait c: wait }")
    assert isinstance(prepared, PreparedOperation)
    async with asyncio.timeout(5):
        answer = await engine.execute(prepared, None, context)
    assert answer.data == {"a": "done", "b": "done", "c": "done"}


@pytest.mark.parametrize("query", ["{ wait }", "{ a: wait b: wait }"])
async def test_a_canceled_request_cancels_its_resolvers(query: str) -> None:
    context = slow_context(query.count("wait"))
    engine = Engine(strawberry.Schema(Slow))
    prepared = engine.prepare(query)
    assert isinstance(prepared, PreparedOperation)
    request = asyncio.create_task(engine.execute(prepared, None, context))
    await context["all running"].wait()
    request.cancel()
    with pytest.raises(asyncio.CancelledError):
        await request
    assert context["canceled"] == context["running"]


async def test_concurrent_requests_have_only_their_own_rights() -> None:
    engine = Engine(schema)
    prepared = engine.prepare("{ products { secret staffBrand { id } brand { name } } }")
    assert isinstance(prepared, PreparedOperation)
    contexts = [Context(staff=bool(n % 2)) for n in range(40)]
    answers = await asyncio.gather(*(engine.execute(prepared, None, c) for c in contexts))
    for context, answer in zip(contexts, answers, strict=True):
        allowed = [product["secret"] is not None for product in answer.data["products"]]
        assert allowed == [context.staff] * 5
        assert bool(answer.errors) != context.staff


async def test_each_combination_of_conditions_has_one_plan() -> None:
    engine = Engine(schema)
    prepared = engine.prepare("query ($a: Boolean!) { now @include(if: $a) generated }")
    assert isinstance(prepared, PreparedOperation)
    for include in (True, False, True, False):
        answer = await engine.execute(prepared, {"a": include}, Context())
        assert ("now" in answer.data) == include
    assert len(prepared.plans) == 2


async def test_an_access_rule_that_raises_is_an_error_of_the_field() -> None:
    answer = await execute("{ products(first: 1) { staffBrand { id } now: id } }", object())
    assert answer.data == {"products": [{"staffBrand": None, "now": "1"}]}
    assert answer.errors is not None


async def test_a_context_without_loaders_is_an_error_of_the_field() -> None:
    answer = await execute("{ products(first: 1) { maybeBrand { id } id } }", object())
    assert answer.data == {"products": [{"maybeBrand": None, "id": "1"}]}
    assert answer.errors is not None


async def test_on_error_formats_every_error() -> None:
    engine = Engine(schema, on_error=lambda error: {"message": "masked", "path": error.path})
    prepared = engine.prepare("{ products(first: 1) { maybeFails broken } }")
    assert isinstance(prepared, PreparedOperation)
    answer = await engine.execute(prepared, None, Context())
    assert {error["message"] for error in answer.errors or []} == {"masked"}
    refused = engine.prepare("{ nothing }")
    assert isinstance(refused, Answer)
    assert refused.errors == [{"message": "masked", "path": None}]


async def test_variables_that_are_not_an_object_are_refused() -> None:
    engine = Engine(schema)
    prepared = engine.prepare("{ now }")
    assert isinstance(prepared, PreparedOperation)
    answer = await engine.execute(prepared, ["a"], Context())  # type: ignore[arg-type] # invalid on purpose
    assert not answer.executed
    assert answer.errors == [{"message": "Variables must be an object."}]


class RecordingLoaders(Loaders):
    """Records the calls of `clear` as well."""

    def clear(self) -> None:
        self.calls.append(("clear", []))


async def test_loaders_are_cleared_after_each_mutation() -> None:
    context = Context(loaders=RecordingLoaders())
    await execute('mutation { a: write(what: "a") { brand { id } } b: must(what: "b") }', context)
    assert context.loaders.calls == [("brand_by_id", [1]), ("clear", []), ("clear", [])]
