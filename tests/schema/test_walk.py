"""Every field of every type, asked by every role over real rows of friends and strangers.

One walk serves two guarantees: a refused field is null where the schema says so and never takes its
parent along, and no path shows a private row or value to somebody who is no party of it.
"""

import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any, cast
from uuid import UUID

import orjson
import pytest

from execution import Answer
from models.ids import MODELS, decode_id
from resolvers.context import Container
from resolvers.rules import rule_of
from tests.support.walk.graph_walk import SHAPE, GraphWalk, object_types, walking_engine
from tests.support.walk.private_rows import MARKED, PARTIES, World
from tests.support.walk.walked_world import open_world

# The walk takes about a minute, and several on a machine with another load.
pytestmark = pytest.mark.timeout(600)
ID = re.compile(rf"\b(?:{'|'.join(MODELS)})_[\w-]{{22}}")
MARK = re.compile(r"~(\w+)\.(\w+)\.([0-9a-f-]{36})~")
ROWS_PER_MODEL = 5
MARKED_MODELS = {model.__name__: model for model in MARKED}


@dataclass
class Visit:
    """One document, executed by one person."""

    who: str
    document: str
    answer: Answer


@dataclass
class Walked:
    """The world, and what everybody was answered."""

    world: World
    visits: list[Visit] = field(default_factory=list)


@pytest.fixture(scope="module")
async def walked(container: Container) -> AsyncIterator[Walked]:
    async with open_world(container) as world:
        result, engine = Walked(world), walking_engine()
        for document in documents_of(world):
            prepared = engine.prepare(document)
            assert not isinstance(prepared, Answer), (prepared.errors, document)
            for who, client in world.clients.items():
                answer = await engine.execute(prepared, {}, client.context())
                result.visits.append(Visit(who, document, answer))
        yield result


def documents_of(world: World) -> Iterator[str]:
    """A document for each root field with the ids of each place, and for each row as a node."""
    query = SHAPE.query_type
    assert query is not None
    for id_of in world.places:
        for name in query.fields:
            if name not in ("node", "nodes"):
                yield GraphWalk(id_of).document("query", name)
    readable: Any = SHAPE.get_possible_types(cast(Any, SHAPE.type_map["Node"]))
    types = {kind.name: kind for kind in readable}
    for model, public_ids in world.nodes.items():
        if (kind := types.get(world.type_names.get(model, ""))) is not None:
            for public_id in public_ids[:ROWS_PER_MODEL]:
                yield GraphWalk(lambda _, key=public_id: key).document("query", "node", on=kind)  # type: ignore[misc] # bound now


def lost_parent(answer: Answer, path: list[str | int]) -> bool:
    """Whether the null of an error has spread further up than to the field itself."""
    value = answer.data
    for key in path[:-1]:
        if value is None:
            return True
        value = value[key]
    return value is None


def test_a_refused_field_is_null_and_never_takes_its_parent_along(walked: Walked) -> None:
    """`delivery { round }` as a customer lost the delivery, `jobs` as staff the whole answer."""
    lost, internal = set(), set()
    for visit in walked.visits:
        for error in visit.answer.errors or []:
            path = [key for key in error.get("path", ()) if isinstance(key, str)]
            if error["extensions"]["code"] == "INTERNAL":
                internal.add((visit.who, ".".join(path)))
            elif lost_parent(visit.answer, error.get("path", [])):
                lost.add((visit.who, ".".join(path)))
    assert not internal
    assert not lost, "\n".join(map(str, sorted(lost)))


def test_every_field_with_a_rule_is_nullable() -> None:
    """Roots as well: a refused mutation must not hide what the ones before it have done."""
    roots = [SHAPE.query_type, SHAPE.mutation_type]
    rigid = [
        f"{kind.name}.{name}"
        for kind in (*filter(None, roots), *object_types())
        for name, declared in kind.fields.items()
        if (rule := rule_of(declared)) and not rule.anonymous and str(declared.type).endswith("!")
    ]
    assert not rigid


def test_no_path_shows_a_row_to_somebody_who_is_no_party_of_it(walked: Walked) -> None:
    """Ids of the neighbor store's orders, of other customers, riders and companies."""
    shown = set()
    world = walked.world
    for visit in walked.visits:
        actor = world.clients[visit.who].actor
        for public_id in set(ID.findall(orjson.dumps(visit.answer.data).decode())):
            model: Any = MODELS[public_id[:3]]
            key: Any = decode_id(model, public_id)
            row = world.rows[model].get(key)
            parties = PARTIES.get(model)
            if row is None or parties is None:
                continue
            if not any(is_party(world, actor, row) for is_party in parties):
                shown.add((visit.who, model.__name__, visit.document[:60]))
    assert not shown, "\n".join(map(str, sorted(shown)))


def test_no_path_shows_a_private_value_to_somebody_it_is_not_for(walked: Walked) -> None:
    """Names, addresses, notes, codes, refusals of banks, phones and texts of tickets."""
    shown = set()
    seen = set()
    world = walked.world
    for visit in walked.visits:
        actor = world.clients[visit.who].actor
        for name, column, key in set(MARK.findall(orjson.dumps(visit.answer.data).decode())):
            model = MARKED_MODELS[name]
            row = world.rows[model][UUID(key)]
            seen.add((model, column))
            if not any(is_party(world, actor, row) for is_party in MARKED[model][column]):
                shown.add((visit.who, f"{name}.{column}", visit.document[:60]))
    assert not shown, "\n".join(map(str, sorted(shown)))
    assert seen == {(model, column) for model, columns in MARKED.items() for column in columns}
