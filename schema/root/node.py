"""Root fields that find anything by its id."""

import strawberry

from resolvers import node as resolve
from schema.backing import field
from schema.node import Node

ABOUT_NODES = (
    "Several things by their ids, in their order; null and a NOT_FOUND error at the place of each"
    " that is not there."
)


@strawberry.type
class Query:
    node: Node | None = field(
        resolve.node,
        "Anything by its id; what is not yours to see is NOT_FOUND, like what does not exist.",
    )
    nodes: list[Node | None] = strawberry.field(
        resolver=resolve.nodes, description=ABOUT_NODES, metadata={"page": "ids"}
    )
