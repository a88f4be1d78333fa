"""Positions in the response: for error paths, error locations and the propagation of nulls."""

from dataclasses import dataclass

from graphql import FieldNode, GraphQLField, GraphQLObjectType
from strawberry.types.field import StrawberryField


@dataclass(frozen=True, slots=True, eq=False)
class CollectedField:
    """One field of one selection set, with all nodes of the document that were merged into it."""

    key: str
    name: str
    nodes: list[FieldNode]
    definition: GraphQLField
    parent_type: GraphQLObjectType
    strawberry: StrawberryField | None
    keys: tuple[str, ...]
    """The response keys from the root to this field, without list indexes."""


@dataclass(frozen=True, slots=True, eq=False)
class ResponsePosition:
    """The position of a field's value, or of the items of a list in that value."""

    field: CollectedField
    nullable: tuple[bool, ...]
    """For each step of the path from the root to this position: whether its value may be null."""

    def item(self, nullable: bool) -> "ResponsePosition":
        """The position of the items of the list at this position."""
        return ResponsePosition(self.field, (*self.nullable, nullable))

    @property
    def may_be_null(self) -> bool:
        """Whether a null is allowed here; otherwise it propagates to the parent."""
        return self.nullable[-1]
