import strawberry

from schema.backing import column


@strawberry.interface(
    name="Node", description="Anything that can be read again by its id: see `node`."
)
class NodeType:
    id: strawberry.ID = column("The opaque id, which says what kind of thing it is.")
