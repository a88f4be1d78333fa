"""Root fields that read any object by its id."""

import strawberry

from resolvers import nodes as node_resolvers
from schema.backing import field
from schema.nodes import NodeType

ABOUT_NODES = (
    "Several things by their ids, in their order; null and a NOT_FOUND error at the place of each"
    " that is not there."
)


@strawberry.type
class NodeQuery:
    node: NodeType | None = field(
        node_resolvers.node,
        "Anything by its id; what is not yours to see is NOT_FOUND, like what does not exist.",
    )
    nodes: list[NodeType | None] = strawberry.field(
        resolver=node_resolvers.nodes, description=ABOUT_NODES, metadata={"page": "ids"}
    )
