"""Reads the metadata of Strawberry fields that tells how a field can be resolved.

Keys of `StrawberryField.metadata` that the executor knows:
- `allow`: the access rule; its `denial(context)` returns an error or None, its `covers(context,
  parent)` whether it extends to this parent.
- `cost`, `page`: see `document.cost`. `reads`: see `context_dependencies`.
- `batch`, `by`: the batch that loads the field, and the parent's attribute with the key.
- `public`: whether the results of the batch are the same for all callers.
- `pass_fields`, `pass_attributes`: give the batch the selected child fields, or the attributes
  that they need; the resolver of a page gets the latter for the page's rows, as `needed`.
- `prefetch_with`: by the batch of the parents, a batch that reads this field by the keys of those.
- `reader`: makes, per request, the function that computes the value from the parent alone.
- `composed_of`: the attributes of the parent that an object consists of, see `EmbeddedObject`.
- `needs`: the attributes of the parent that `reader` uses.
- `row_key`: computes from the arguments the id of the row that the resolver will return.
- `loads`: the batch that the resolver loads by its parent's id.
"""

from collections.abc import Collection
from typing import Any

from strawberry.types.field import StrawberryField

from execution.runtime.completers import Completer
from execution.runtime.field_position import CollectedField
from execution.runtime.object_completers import ObjectCompleter
from execution.runtime.selection import EmbeddedObject

NEEDED = "needed"
"""The parameter of a resolver of a page by which it gets the attributes to read; None for all."""


def needed_attributes(field: StrawberryField | None) -> Collection[str] | None:
    """The attributes of the parent that a field is read from; None if they are unknown."""
    if field is None or field.extensions or field.metadata.get("allow") is not None:
        return None
    if "needs" in field.metadata:
        needs: Collection[str] = field.metadata["needs"]
        return needs
    if "batch" in field.metadata and "by" in field.metadata:
        return (field.metadata["by"],)
    return (field.python_name,) if field.base_resolver is None else None


def reader_of(field: CollectedField) -> Any:
    """The factory of the function that computes the value from the parent alone, if any."""
    strawberry = field.strawberry
    if strawberry is None or field.definition.args or strawberry.metadata.get("allow") is not None:
        return None
    return strawberry.metadata.get("reader")


def embedded_object(field: CollectedField, completer: Completer) -> EmbeddedObject | None:
    """The selection as an embedded object, if the parent has all selected attributes."""
    if reader_of(field) is None or not isinstance(completer, ObjectCompleter):
        return None
    composed_of = field.strawberry.metadata.get("composed_of")  # type: ignore[union-attr] # it has a reader
    selection = completer.selection
    if composed_of is None or selection.steps:
        return None
    present, attributes = composed_of
    plain = (leaf.reader is None and leaf.embedded is None for leaf in selection.leaves)
    if not all(plain) or not all(leaf.attribute in attributes for leaf in selection.leaves):
        return None
    return EmbeddedObject(present, attributes, selection)
