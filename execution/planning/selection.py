"""What is selected of one object type: plain attributes in bulk, and a step per other field.

The bulk part is a function whose source is written for the selection: it reads the attributes of
each parent into locals and builds the answer as one dictionary display.
"""

import keyword
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from execution.planning.steps import Step
from execution.running.complete import Completer, LeafCompleter, Unusual

if TYPE_CHECKING:
    from execution.running.run import Run

Rows = Callable[[list[Any], Any], tuple[list[dict[str, Any]], int]]
"""Parents and context in; out the answers, and the cost of objects that were not there."""
Reader = Callable[[Any], Callable[[Any], Any]]


@dataclass(frozen=True, slots=True)
class Leaf:
    """A scalar, an enum or a list of them that stands in an attribute of the parent."""

    key: str
    attribute: str
    completer: Completer
    reader: Reader | None = None
    """Makes, for one request, what reads the value off the parent in the attribute's place."""

    inside: "Inside | None" = None
    """For an object that is made of the parent's own attributes."""

    def getter(self, context: Any) -> Callable[[Any], Any]:
        """What reads the value off a parent in this request."""
        return attrgetter(self.attribute) if self.reader is None else self.reader(context)


@dataclass(frozen=True, slots=True)
class Inside:
    """What is selected of an object whose fields stand in attributes of the parent itself.

    Without a value in `present` there is no object.
    """

    present: str
    attributes: Mapping[str, str]
    """The parent's attribute for each attribute of the object."""
    selection: "Selection"


class Selection:
    """The fields selected of one object type at one place of the document."""

    __slots__ = ("_inner_cost", "_rows", "cost", "leaves", "steps", "template")

    def __init__(
        self,
        template: dict[str, Any],
        leaves: Sequence[Leaf],
        steps: Sequence[Step],
        cost: int = 0,
    ) -> None:
        """`template` holds every response key in order, with null or the type's name.

        `cost` is that of the fields of one object.
        """
        self.template = template
        self.leaves = leaves
        self.steps = steps
        self.cost = cost
        self._inner_cost = sum(leaf.inside.selection.cost for leaf in leaves if leaf.inside)
        self._rows = write_rows(template, leaves)

    def fill(self, parents: list[Any], run: "Run") -> list[Any]:
        """An answer for each parent, as complete as it can be without waiting."""
        outs = self.rows(parents, run)
        for step in self.steps:
            step.start(parents, outs, run)
        return outs

    def rows(self, parents: list[Any], run: "Run") -> list[Any]:
        """The plain attributes of each parent, and a null for every other field."""
        run.cost += self.cost * len(parents)
        try:
            outs, saved = self._rows(parents, run.context)
        except Exception:
            # Some value is not what it should be. Reading attributes changes nothing, so read
            # them again, one by one, and note exactly what is wrong.
            return [self._row(parent, run) for parent in parents]
        run.cost += self._inner_cost * len(parents) - saved
        return outs

    def _row(self, parent: Any, run: "Run") -> dict[str, Any]:
        out = dict(self.template)
        for leaf in self.leaves:
            try:
                value = leaf.getter(run.context)(parent)
            except Exception as error:
                run.fail(leaf.completer.site, out, leaf.key, error)
            else:
                leaf.completer.single(value, out, leaf.key, run)
        return out


def write_rows(template: dict[str, Any], leaves: Sequence[Leaf]) -> Rows:
    """The function that builds an answer for each parent, made for just these leaves."""
    writer = _Writer()
    values = {key: repr(value) for key, value in template.items()}
    for n, leaf in enumerate(leaves):
        values[leaf.key] = writer.value(leaf, str(n))
    source = [
        "def rows(parents, context):",
        *writer.made,
        "    outs = []",
        "    add = outs.append",
        "    saved = 0",
        "    for parent in parents:",
        *writer.reads,
        f"        add({_display(values)})",
        "    return outs, saved",
    ]
    # The source holds names of the schema and response keys, both plain identifiers, quoted.
    exec(compile("\n".join(source), "<selection>", "exec"), writer.env)  # noqa: S102 - no outside text
    rows: Rows = writer.env["rows"]
    return rows


class _Writer:
    """Writes the lines that read each parent, each attribute once, and the values made of them."""

    def __init__(self) -> None:
        self.env: dict[str, Any] = {"absent": _absent}
        self.made: list[str] = []
        self.reads: list[str] = []
        self._known: dict[str, str] = {}

    def value(self, leaf: Leaf, n: str) -> str:
        """Python source of what stands under the leaf's key."""
        if leaf.inside is not None:
            return self._object(leaf, leaf.inside, n)
        if leaf.reader is None:
            return _expression(leaf, self._attribute(leaf.attribute), n, self.env)
        self.env[f"m{n}"] = leaf.reader
        self.made.append(f"    r{n} = m{n}(context)")
        self.reads.append(f"        v{n} = r{n}(parent)")
        return _expression(leaf, f"v{n}", n, self.env)

    def _attribute(self, name: str) -> str:
        """The local that holds an attribute of the parent."""
        if not name.isidentifier() or keyword.iskeyword(name):
            raise ValueError(f"{name!r} can't be read as an attribute")
        known = self._known.get(name)
        if known is None:
            known = self._known[name] = f"a{len(self._known)}"
            self.reads.append(f"        {known} = parent.{name}")
        return known

    def _object(self, leaf: Leaf, inside: Inside, n: str) -> str:
        present = self._attribute(inside.present)
        selection = inside.selection
        values = {key: repr(value) for key, value in selection.template.items()}
        for m, inner in enumerate(selection.leaves):
            name = self._attribute(inside.attributes[inner.attribute])
            values[inner.key] = _expression(inner, name, f"{n}_{m}", self.env)
        if not leaf.completer.site.may_be_null:
            return f"({_display(values)} if {present} is not None else absent())"
        self.reads.append(f"        if {present} is None: saved += {selection.cost}")
        return f"(None if {present} is None else {_display(values)})"


def _display(values: Mapping[str, str]) -> str:
    return "{" + ", ".join(f"{key!r}: {value}" for key, value in values.items()) + "}"


def _absent() -> None:
    """Ends the quick way where nothing may be missing."""
    raise Unusual


def _expression(leaf: Leaf, name: str, n: str, env: dict[str, Any]) -> str:
    if isinstance(leaf.completer, LeafCompleter):
        return leaf.completer.expression(name, n, env)
    env[f"b{n}"] = leaf.completer.bulk
    return f"b{n}([{name}], None)[0]"
