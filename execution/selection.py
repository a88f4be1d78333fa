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

Rows = Callable[[list[Any]], list[dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class Leaf:
    """A scalar, an enum or a list of them that stands in an attribute of the parent."""

    key: str
    attribute: str
    completer: Completer


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
            return self._rows(parents)
        except Exception:
            # Some value is not what it should be. Reading attributes changes nothing, so read
            # them again, one by one, and note exactly what is wrong.
            return [self._row(parent, run) for parent in parents]

    def _row(self, parent: Any, run: "Run") -> dict[str, Any]:
        out = dict(self._template)
        for leaf in self._leaves:
            try:
                value = attrgetter(leaf.attribute)(parent)
            except Exception as error:
                run.fail(leaf.completer.site, out, leaf.key, error)
            else:
                leaf.completer.single(value, out, leaf.key, run)
        return out


def write_rows(template: dict[str, Any], leaves: Sequence[Leaf]) -> Rows:
    """The function that builds an answer for each parent, made for just these leaves."""
    env: dict[str, Any] = {}
    reads: list[str] = []
    values = {key: repr(value) for key, value in template.items()}
    for n, leaf in enumerate(leaves):
        if not leaf.attribute.isidentifier() or keyword.iskeyword(leaf.attribute):
            raise ValueError(f"{leaf.attribute!r} can't be read as an attribute")
        reads.append(f"        v{n} = parent.{leaf.attribute}")
        values[leaf.key] = _expression(leaf, n, env)
    display = ", ".join(f"{key!r}: {value}" for key, value in values.items())
    source = [
        "def rows(parents):",
        "    outs = []",
        "    add = outs.append",
        "    for parent in parents:",
        *reads,
        f"        add({{{display}}})",
        "    return outs",
    ]
    # The source holds names of the schema and response keys, both plain identifiers, quoted.
    exec(compile("\n".join(source), "<selection>", "exec"), env)  # noqa: S102 - no outside text
    made: Rows = env["rows"]
    return made


def _expression(leaf: Leaf, n: int, env: dict[str, Any]) -> str:
    if isinstance(leaf.completer, LeafCompleter):
        return leaf.completer.expression(f"v{n}", n, env)
    env[f"b{n}"] = leaf.completer.bulk
    return f"b{n}([v{n}], None)[0]"
