"""Where in the answer a value stands: for error paths, locations and the bubbling of nulls."""

from dataclasses import dataclass

from graphql import FieldNode, GraphQLField, GraphQLObjectType
from strawberry.types.field import StrawberryField


@dataclass(frozen=True, slots=True, eq=False)
class Field:
    """One field of one selection set: every node of the document that asks for it, merged."""

    key: str
    name: str
    nodes: list[FieldNode]
    definition: GraphQLField
    parent_type: GraphQLObjectType
    strawberry: StrawberryField | None
    keys: tuple[str, ...]
    """The response keys from the root to this field, positions in lists left out."""


@dataclass(frozen=True, slots=True, eq=False)
class Site:
    """One place of a field's value: the value itself, or the items of the lists in it."""

    field: Field
    nullable: tuple[bool, ...]
    """For each step of the path from the root to here: may that value be null?"""

    def inner(self, nullable: bool) -> "Site":
        """The place of the items of the list that stands here."""
        return Site(self.field, (*self.nullable, nullable))

    @property
    def may_be_null(self) -> bool:
        """Whether a null stops here, or goes on to what holds it."""
        return self.nullable[-1]
