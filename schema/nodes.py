import strawberry

from schema.backing import column


@strawberry.interface(name="Node", description="An object that can be read by its id: see `node`.")
class NodeType:
    id: strawberry.ID = column("The opaque id, which includes the type.")
