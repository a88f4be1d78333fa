"""A document that was parsed, measured and validated: ready to run."""

from dataclasses import dataclass, field
from typing import Any, Literal

from graphql import DocumentNode, OperationDefinitionNode

OperationKind = Literal["query", "mutation", "subscription"]


@dataclass(slots=True)
class Prepared:
    """One operation of a valid document; kept and shared between requests with the same text."""

    operation_type: OperationKind
    operation_name: str | None
    cost: int
    root_fields: tuple[str, ...]
    document: DocumentNode
    operation: OperationDefinitionNode
    plans: dict[Any, Any] = field(default_factory=dict)
