"""Root fields that read any object by its id."""

import strawberry

from resolvers import nodes as node_resolvers
from schema.backing import field
from schema.nodes import NodeType

ABOUT_NODES = (
    "Several objects by their ids, in the same order; null and a NOT_FOUND"
    " error for each that is not found."
)


@strawberry.type
class NodeQuery:
    node: NodeType | None = field(
        node_resolvers.node,
        "An object by its id; NOT_FOUND if it does not exist or the caller may not see it.",
    )
    nodes: list[NodeType | None] | None = strawberry.field(
        resolver=node_resolvers.nodes, description=ABOUT_NODES, metadata={"page": "ids"}
    )
