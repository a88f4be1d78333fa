"""A refused argument is a null of its own field: it hides nothing else, nor what a mutation did."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, fields
from typing import Any

import pytest

from execution import Answer
from resolvers.context import Container
from tests.support.actors import ActorClient, InMemorySms
from tests.support.city import build_city
from tests.support.operations.every_operation import play_every_operation
from tests.support.operations.player import Operation, OperationPlayer, create_player
from tests.support.operations.repeat_player import mutation_of
from tests.support.stripe_simulator import open_sandbox
from tests.support.walk.graph_walk import SHAPE, object_types, walking_engine
from tests.support.walk.refused_fields import (
    fields_with_arguments,
    lost_parent,
    refused_calls,
    refused_field,
    with_refused_fields,
)

pytestmark = pytest.mark.timeout(900)


@dataclass
class RefusedFieldsPlayer(OperationPlayer):
    """Asks every operation for refused fields too, at each object that it selects.

    `refused` are the fields that answered null with an error, `mutations` those that did something
    and had such fields in their payload.
    """

    refused: set[tuple[str, str]] = field(default_factory=set)
    mutations: set[str] = field(default_factory=set)

    async def __call__(self, who: str, name: str, /, **given: Any) -> Any:
        operation, engine = Operation(name), walking_engine()
        prepared = engine.prepare(with_refused_fields(operation.document))
        assert not isinstance(prepared, Answer), (name, prepared.errors)
        context = self.clients[who].context()
        answer = await engine.execute(prepared, operation.variables(**given), context)
        for error in answer.errors or []:
            place = refused_field(error["path"][-1])
            assert place, (name, error)
            assert not lost_parent(answer, error["path"]), (name, error)
            self.refused.add(place)
        [value] = (answer.data or {}).values()
        assert value is not None, (name, answer.errors)
        assert not isinstance(value, dict) or not value.get("errors"), (name, value)
        if answer.errors and (mutation := mutation_of(name)):
            self.mutations.add(mutation)
        return value


@pytest.fixture(scope="module")
async def play(container: Container, sms: InMemorySms) -> AsyncIterator[RefusedFieldsPlayer]:
    async with open_sandbox() as desk:
        made = await create_player(container, desk, await build_city(container.database))
        player = RefusedFieldsPlayer(**{one.name: getattr(made, one.name) for one in fields(made)})
        await play_every_operation(player, sms)
        yield player


def test_every_field_with_arguments_is_nullable() -> None:
    """Whatever can be refused for its arguments is null then, and takes no parent along."""
    roots = [SHAPE.query_type, SHAPE.mutation_type, SHAPE.subscription_type]
    rigid = [
        f"{kind.name}.{name}"
        for kind in (*filter(None, roots[:2]), *object_types())
        for name, declared in kind.fields.items()
        if declared.args and str(declared.type).endswith("!")
    ]
    assert not rigid


def test_a_refused_argument_hides_nothing_that_a_mutation_did(play: RefusedFieldsPlayer) -> None:
    """A customer places an order and asks for its total in a locale that does not exist.

    The answer was `order: null, errors: []`, although the order was there and its units were
    reserved; so it was for the first 0 events of its timeline, and when it was canceled.
    """
    assert {"orderPlace", "orderCancel"} <= play.mutations
    assert play.refused == fields_with_arguments()


async def test_a_refused_argument_of_a_root_field_hides_no_other_field(
    container: Container,
) -> None:
    """`nodes` with 101 ids took the whole answer along."""
    query = SHAPE.query_type
    assert query is not None
    calls, engine = list(refused_calls(query)), walking_engine()
    assert any("_nodes_" in call for call in calls)
    for call in calls:
        prepared = engine.prepare(f"{{ __typename {call} }}")
        assert not isinstance(prepared, Answer), (call, prepared.errors)
        answer = await engine.execute(prepared, {}, ActorClient(container).context())
        assert answer.data is not None, call
        assert answer.data["__typename"] == "Query", call
