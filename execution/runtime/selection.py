"""The selection of one object type: leaf fields read in bulk, and a step for each other field.

The bulk read is a generated function: its source reads the attributes of each parent into local
variables and builds the response object as one dictionary display.
"""

import keyword
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from execution.runtime.completers import Completer, LeafCompleter, NeedsSlowPath
from execution.runtime.run import PlanRun
from execution.runtime.steps import FieldStep

RowsFunction = Callable[[list[Any], Any], tuple[list[dict[str, Any]], int]]
"""Takes parents and context; returns outputs, and the cost of embedded objects that are null."""
ReaderFactory = Callable[[Any], Callable[[Any], Any]]


@dataclass(frozen=True, slots=True)
class LeafField:
    """A scalar, an enum or a list of them, read from an attribute of the parent."""

    key: str
    attribute: str
    completer: Completer
    reader: ReaderFactory | None = None
    """Makes a function, once per request, that computes the value from the parent instead."""

    embedded: "EmbeddedObject | None" = None
    """Set for an object whose fields are attributes of the parent."""

    def getter(self, context: Any) -> Callable[[Any], Any]:
        """The function that gets the value from a parent in this request."""
        return attrgetter(self.attribute) if self.reader is None else self.reader(context)


@dataclass(frozen=True, slots=True)
class EmbeddedObject:
    """The selection of an object whose fields are attributes of the parent.

    The object is null if the parent's attribute `present` is None.
    """

    present: str
    attributes: Mapping[str, str]
    """The parent's attribute by the object's attribute."""
    selection: "Selection"


class Selection:
    """The fields selected of one object type at one position of the document."""

    __slots__ = ("_inner_cost", "_read_bulk", "cost", "leaves", "steps", "template")

    def __init__(
        self,
        template: dict[str, Any],
        leaves: Sequence[LeafField],
        steps: Sequence[FieldStep],
        cost: int = 0,
    ) -> None:
        """`template` has every response key in order, with null or the type name as value.

        `cost` is the cost of the fields of one object.
        """
        self.template = template
        self.leaves = leaves
        self.steps = steps
        self.cost = cost
        self._inner_cost = sum(leaf.embedded.selection.cost for leaf in leaves if leaf.embedded)
        self._read_bulk = compile_rows_function(template, leaves)

    def fill(self, parents: list[Any], run: PlanRun) -> list[Any]:
        """The output of each parent, as complete as possible without waiting."""
        outputs = self.read_rows(parents, run)
        for step in self.steps:
            step.start(parents, outputs, run)
        return outputs

    def read_rows(self, parents: list[Any], run: PlanRun) -> list[Any]:
        """The outputs with the leaf fields of each parent, and null for the other fields."""
        run.cost += self.cost * len(parents)
        try:
            outputs, saved = self._read_bulk(parents, run.context)
        except Exception:
            # Some value is invalid. Reading attributes has no side effects: read again, one by one,
            # to record each error at its position.
            return [self._read_row(parent, run) for parent in parents]
        run.cost += self._inner_cost * len(parents) - saved
        return outputs

    def _read_row(self, parent: Any, run: PlanRun) -> dict[str, Any]:
        output = dict(self.template)
        for leaf in self.leaves:
            try:
                value = leaf.getter(run.context)(parent)
            except Exception as error:
                run.add_failure(leaf.completer.position, output, leaf.key, error)
            else:
                leaf.completer.complete_into(value, output, leaf.key, run)
        return output


def compile_rows_function(template: dict[str, Any], leaves: Sequence[LeafField]) -> RowsFunction:
    """Generate the function that reads these leaf fields of each parent."""
    writer = _SourceWriter()
    values = {key: repr(value) for key, value in template.items()}
    for n, leaf in enumerate(leaves):
        values[leaf.key] = writer.value(leaf, str(n))
    source = [
        "def rows(parents, context):",
        *writer.setup,
        "    outputs = []",
        "    add = outputs.append",
        "    saved = 0",
        "    for parent in parents:",
        *writer.reads,
        f"        add({_display(values)})",
        "    return outputs, saved",
    ]
    # The source has only names of the schema and response keys: identifiers, quoted.
    exec(compile("\n".join(source), "<selection>", "exec"), writer.env)  # noqa: S102 - no client input but names
    rows: RowsFunction = writer.env["rows"]
    return rows


class _SourceWriter:
    """Writes the source lines that read each attribute once, and the expressions of the values."""

    def __init__(self) -> None:
        self.env: dict[str, Any] = {"unexpected_null": _unexpected_null}
        self.setup: list[str] = []
        self.reads: list[str] = []
        self._locals: dict[str, str] = {}

    def value(self, leaf: LeafField, n: str) -> str:
        """Python source of the value of a leaf field."""
        if leaf.embedded is not None:
            return self._embedded_object(leaf, leaf.embedded, n)
        if leaf.reader is None:
            return _expression(leaf, self._attribute(leaf.attribute), n, self.env)
        self.env[f"m{n}"] = leaf.reader
        self.setup.append(f"    r{n} = m{n}(context)")
        self.reads.append(f"        v{n} = r{n}(parent)")
        return _expression(leaf, f"v{n}", n, self.env)

    def _attribute(self, name: str) -> str:
        """The name of the local variable with this attribute of the parent."""
        if not name.isidentifier() or keyword.iskeyword(name):
            raise ValueError(f"{name!r} can't be read as an attribute")
        local = self._locals.get(name)
        if local is None:
            local = self._locals[name] = f"a{len(self._locals)}"
            self.reads.append(f"        {local} = parent.{name}")
        return local

    def _embedded_object(self, leaf: LeafField, embedded: EmbeddedObject, n: str) -> str:
        present = self._attribute(embedded.present)
        selection = embedded.selection
        values = {key: repr(value) for key, value in selection.template.items()}
        for m, inner in enumerate(selection.leaves):
            name = self._attribute(embedded.attributes[inner.attribute])
            values[inner.key] = _expression(inner, name, f"{n}_{m}", self.env)
        if not leaf.completer.position.may_be_null:
            return f"({_display(values)} if {present} is not None else unexpected_null())"
        self.reads.append(f"        if {present} is None: saved += {selection.cost}")
        return f"(None if {present} is None else {_display(values)})"


def _display(values: Mapping[str, str]) -> str:
    return "{" + ", ".join(f"{key!r}: {value}" for key, value in values.items()) + "}"


def _unexpected_null() -> None:
    """Leave the fast path where a null is not allowed."""
    raise NeedsSlowPath


def _expression(leaf: LeafField, name: str, n: str, env: dict[str, Any]) -> str:
    if isinstance(leaf.completer, LeafCompleter):
        return leaf.completer.expression(name, n, env)
    env[f"b{n}"] = leaf.completer.complete_many
    return f"b{n}([{name}], None)[0]"
