"""Apps: every path to every type and field, by apps with all scopes, one scope, all but one.

What an app is shown is judged by the scope that the walk's own rules name, not by the product's.
"""

from collections.abc import AsyncIterator, Iterator
from itertools import islice
from typing import Any, cast

import orjson
import pytest
from graphql import GraphQLObjectType, get_named_type, is_leaf_type

from database.base import Base, Entity, uuid7
from execution import Answer
from models.companies import Company
from models.identity import Actor, AppScope, app_grants
from models.ids import encode_id
from models.integrations import App
from resolvers.rules import rule_of
from resolvers.scopes import PERSONAL_FIELD_SCOPES
from tests.support.actors import ActorClient
from tests.support.walk.graph_walk import SHAPE, GraphWalk, walking_engine
from tests.support.walk.marks import violations
from tests.support.walk.parties import World
from tests.support.walk.paths_of_types import Path, paths
from tests.support.walk.row_documents import TYPE_NAMES
from tests.support.walk.rules import RULES
from tests.support.walk.share import IS_FULL, PART, share
from tests.support.walk.walked_world import ids_of

pytestmark = pytest.mark.timeout(900)
PLACES = ("here", "elsewhere", "ended")
READ_SCOPES = {scope for scope in AppScope if scope.token.endswith(":read")}


def apps(world: World) -> dict[str, ActorClient]:
    """Apps of the first company with all scopes, each scope alone, and each scope missing."""
    every = frozenset(AppScope)
    scopes = {"all": every, "none": frozenset[AppScope]()}
    scopes |= {f"only {one}": frozenset({one}) for one in every}
    scopes |= {f"without {one}": every - {one} for one in every}
    container = world.clients["nobody"].container
    grants, own = app_grants(world.city.company.id), world.places["here"][App]
    return {
        name: ActorClient(container, Actor(uuid7(), uuid7(), grants, own, held))
        for name, held in scopes.items()
    }


def selections(walk: GraphWalk, kind: GraphQLObjectType) -> Iterator[str]:
    """Each field without an object, alone: another scope may be needed for each."""
    for name, declared in kind.fields.items():
        if is_leaf_type(get_named_type(declared.type)):
            yield walk.call(name, declared)


def documents(world: World) -> Iterator[tuple[GraphWalk, str, list[Any]]]:
    """Documents of one path each, with the ids that their variables take in turn."""
    assert SHAPE.query_type is not None
    places = [ids_of(world.places[place]) for place in PLACES]
    for name, declared in SHAPE.query_type.fields.items():
        kind = get_named_type(declared.type)
        if not isinstance(kind, GraphQLObjectType):
            continue
        walk = GraphWalk()
        call = walk.call(name, declared)
        for path in paths(walk, Path(kind)):
            selection = "id" if "id" in path.kind.fields else "__typename"
            yield walk, f"{call} {path.text(selection)}", places
    for kind in cast(Any, SHAPE).get_possible_types(SHAPE.type_map["Node"]):
        ids = nodes_of(world, kind.name)
        walk = GraphWalk()
        call = walk.call("node", SHAPE.query_type.fields["node"])
        for path in paths(walk, Path(kind)):
            if path.depth <= 1:
                for leaf in selections(walk, path.kind):
                    text = path.text(leaf)
                    yield walk, f"{call} {{ ... on {kind.name} {text} }}", ids


def nodes_of(world: World, kind: str) -> list[Any]:
    """For each place a function that returns the id of its row of a type."""
    models = [model for model, name in TYPE_NAMES.items() if name == kind]
    keys = [world.places[place].get(cast(Any, models[0])) for place in PLACES]
    ids = [encode_id(cast(Any, models[0]), key) for key in keys if key is not None]
    return [lambda _, key=key: key for key in ids]


async def answers(world: World, part: int = 1) -> AsyncIterator[tuple[str, str, Actor, bytes]]:
    """What each app is answered to a share of the documents: app, path, actor, answer."""
    clients, engine = apps(world), walking_engine()
    for walk, body, ids in islice(documents(world), 0, None, part):
        used = {name: shape for name, shape in walk.shapes.items() if f"${name}" in body}
        heads = ", ".join(f"${name}: {shape}" for name, (_, shape) in used.items())
        prepared = engine.prepare(f"query {f'({heads})' if heads else ''} {{ {body} }}")
        assert not isinstance(prepared, Answer), (prepared.errors, body)
        for turn, id_of in enumerate(ids):
            values = {name: walk.variables(id_of)[name] for name in used}
            for who in share(body, clients, turn, 2 * PART):
                client = clients[who]
                answer = await engine.execute(prepared, values, client.context())
                yield who, body, client.actor, orjson.dumps(answer.data)


async def test_an_app_is_shown_what_its_scopes_open_on_no_path_more(world: World) -> None:
    shown = set()
    async for who, path, actor, text in answers(world, part=1 if IS_FULL else PART):
        shown |= {(*one, who, path[:90]) for one in violations(world, actor, text)}
    assert not shown, "\n".join(map(str, sorted(shown)))


async def test_an_app_is_shown_the_rows_of_each_scope_that_it_has(world: World) -> None:
    """Otherwise what is not shown to the others would prove nothing."""
    clients = apps(world)
    rules = [rule for rule in RULES if rule.apps and rule.scopes]
    assert {scope for rule in rules for scope in rule.scopes} == READ_SCOPES
    for model, scope in {(model, rule.scopes[0]) for rule in rules for model in rule.rows}:
        key, name = key_of(world, model), TYPE_NAMES[model]
        fields = " ".join(open_fields(name))
        query = f"query ($id: ID!) {{ node(id: $id) {{ ... on {name} {{ id {fields} }} }} }}"
        for who in ("all", f"only {scope}"):
            answer = await clients[who].answer(query, {"id": key})
            assert answer.errors is None, (who, name, answer.errors)
            assert answer.data is not None
            assert answer.data["node"]["id"] == key, (who, name)


def key_of(world: World, model: type[Base]) -> str:
    """The id of a row of the first company."""
    entity, here = cast(type[Entity], model), world.places["here"]
    rows = (row for row in world.rows[model].values() if row.company_id == here[Company])
    return encode_id(entity, here[entity] if entity in here else next(rows).id)


def open_fields(name: str) -> Iterator[str]:
    """Fields without an object and without arguments that no rule and no other scope closes."""
    kind = cast(GraphQLObjectType, SHAPE.type_map[name])
    for field, declared in kind.fields.items():
        is_plain = is_leaf_type(get_named_type(declared.type)) and not declared.args
        if is_plain and rule_of(declared) is None and (name, field) not in PERSONAL_FIELD_SCOPES:
            yield field
