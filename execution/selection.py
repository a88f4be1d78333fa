"""What is selected of one object type: plain attributes in bulk, and a step per other field.

The bulk part is a function whose source is written for the selection: it reads the attributes of
each parent into locals and builds the answer as one dictionary display.
"""

import keyword
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from execution.complete import Completer, LeafCompleter
from execution.steps import Step

if TYPE_CHECKING:
    from execution.run import Run

Rows = Callable[[list[Any], Any], list[dict[str, Any]]]
Reader = Callable[[Any], Callable[[Any], Any]]


@dataclass(frozen=True, slots=True)
class Leaf:
    """A scalar, an enum or a list of them that stands in an attribute of the parent."""

    key: str
    attribute: str
    completer: Completer
    reader: Reader | None = None
    """Makes, for one request, what reads the value off the parent in the attribute's place."""

    def getter(self, context: Any) -> Callable[[Any], Any]:
        """What reads the value off a parent in this request."""
        return attrgetter(self.attribute) if self.reader is None else self.reader(context)


class Selection:
    """The fields selected of one object type at one place of the document."""

    __slots__ = ("_leaves", "_rows", "_template", "cost", "steps")

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
        self._template = template
        self._leaves = leaves
        self.steps = steps
        self.cost = cost
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
            return self._rows(parents, run.context)
        except Exception:
            # Some value is not what it should be. Reading attributes changes nothing, so read
            # them again, one by one, and note exactly what is wrong.
            return [self._row(parent, run) for parent in parents]

    def _row(self, parent: Any, run: "Run") -> dict[str, Any]:
        out = dict(self._template)
        for leaf in self._leaves:
            try:
                value = leaf.getter(run.context)(parent)
            except Exception as error:
                run.fail(leaf.completer.site, out, leaf.key, error)
            else:
                leaf.completer.single(value, out, leaf.key, run)
        return out


def write_rows(template: dict[str, Any], leaves: Sequence[Leaf]) -> Rows:
    """The function that builds an answer for each parent, made for just these leaves."""
    env: dict[str, Any] = {}
    made: list[str] = []
    reads: list[str] = []
    values = {key: repr(value) for key, value in template.items()}
    for n, leaf in enumerate(leaves):
        if leaf.reader is not None:
            env[f"m{n}"] = leaf.reader
            made.append(f"    r{n} = m{n}(context)")
            reads.append(f"        v{n} = r{n}(parent)")
        elif not leaf.attribute.isidentifier() or keyword.iskeyword(leaf.attribute):
            raise ValueError(f"{leaf.attribute!r} can't be read as an attribute")
        else:
            reads.append(f"        v{n} = parent.{leaf.attribute}")
        values[leaf.key] = _expression(leaf, n, env)
    display = ", ".join(f"{key!r}: {value}" for key, value in values.items())
    source = [
        "def rows(parents, context):",
        *made,
        "    outs = []",
        "    add = outs.append",
        "    for parent in parents:",
        *reads,
        f"        add({{{display}}})",
        "    return outs",
    ]
    # The source holds names of the schema and response keys, both plain identifiers, quoted.
    exec(compile("\n".join(source), "<selection>", "exec"), env)  # noqa: S102 - no outside text
    rows: Rows = env["rows"]
    return rows


def _expression(leaf: Leaf, n: int, env: dict[str, Any]) -> str:
    if isinstance(leaf.completer, LeafCompleter):
        return leaf.completer.expression(f"v{n}", n, env)
    env[f"b{n}"] = leaf.completer.bulk
    return f"b{n}([v{n}], None)[0]"
