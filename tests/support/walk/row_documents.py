"""Documents that ask for the rows of a world: by each root field, and each row as a node."""

from collections.abc import Iterator
from typing import Any, cast

from database.base import Entity
from models.ids import encode_id
from schema.backing import BACKING
from tests.support.walk.graph_walk import SHAPE, GraphWalk
from tests.support.walk.parties import World
from tests.support.walk.share import IS_FULL
from tests.support.walk.walked_world import ids_of

ROWS_PER_MODEL = 40 if IS_FULL else 12
TYPE_NAMES = {model: kind.__name__.removesuffix("Type") for kind, model in BACKING.items()}


def documents_of(world: World) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """A document for each root field with the ids of each place, and for each row as a node."""
    query = SHAPE.query_type
    assert query is not None
    for name in query.fields.keys() - {"node", "nodes"}:
        walk = GraphWalk()
        document = walk.document("query", name)
        for place, keys in world.places.items():
            yield f"{name} {place}", document, walk.variables(ids_of(keys))
    for kind in cast(Any, SHAPE).get_possible_types(SHAPE.type_map["Node"]):
        walk = GraphWalk()
        document = walk.document("query", "node", on=kind)
        for key in nodes_of(world, kind.name):
            yield f"node {kind.name}", document, walk.variables(lambda _, key=key: key)  # type: ignore[misc] # bound now


def nodes_of(world: World, kind: str) -> list[str]:
    """The ids of rows of a type: those of the places first."""
    models = [model for model, name in TYPE_NAMES.items() if name == kind and model in world.rows]
    if not models:
        return []
    model = cast(type[Entity], models[0])
    placed = [keys[model] for keys in world.places.values() if model in keys]
    rows = list(dict.fromkeys([*placed, *world.rows[model]]))
    return [encode_id(model, key) for key in rows[:ROWS_PER_MODEL]]
