"""Who may share an answer: those for whom nothing that it was made of can be different.

A field that reads an attribute, a public batch or its parent alone is the same for everybody. A
guarded field depends on what its rule reads, another batch on the rows that may be seen, and a
resolver that takes `info` on everything about the caller, unless its `reads` promises less.
"""

from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING, Any

import orjson
from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    Node,
    OperationDefinitionNode,
    VariableNode,
    Visitor,
    visit,
)
from strawberry.types.field import StrawberryField

if TYPE_CHECKING:
    from execution.planning.plan import Plan

CALLER = "caller"
ROWS = "rows"


def audience(plan: "Plan", variables: Mapping[str, Any], context: Any) -> Hashable | None:
    """Equal for contexts that get equal answers to an equal event; None when nobody can tell."""
    known = getattr(context, "known", None)
    if known is None:
        return None
    names = variables if CALLER in plan.reads else plan.variables
    used = {name: variables[name] for name in names if name in variables}
    try:
        # As text, which is as long as it is: orjson's bytes keep kilobytes of room behind them.
        said = orjson.dumps(used, option=orjson.OPT_SORT_KEYS).decode()
    except TypeError:
        return None
    return plan, said, known(plan.reads)


def reads_of(known: StrawberryField) -> set[str]:
    """What of its context the value of a field without extensions depends on."""
    reads: set[str] = set()
    rule = known.metadata.get("allow")
    if rule is not None:
        reads.add(getattr(rule, "reads", CALLER))
    if "batch" in known.metadata and not known.arguments:
        reads.add("" if getattr(known.metadata["batch"], "public", False) else ROWS)
    elif known.base_resolver is not None and known.base_resolver.info_parameter is not None:
        reads.add(known.metadata.get("reads", CALLER))
    return reads - {""}


def variables_below(
    operation: OperationDefinitionNode, fragments: Mapping[str, FragmentDefinitionNode]
) -> frozenset[str]:
    """The variables used in fragments and below root fields: those of root fields are not."""
    used = _Used()
    for node in operation.selection_set.selections:
        below = node.selection_set if isinstance(node, FieldNode) else node
        if below is not None:
            visit(below, used)
    for fragment in fragments.values():
        visit(fragment, used)
    return frozenset(used.names)


class _Used(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def enter_variable(self, node: VariableNode, *_: Node) -> None:
        self.names.add(node.name.value)
