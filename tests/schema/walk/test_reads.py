"""Every field below every root field and every node, asked by everybody, for rows of everybody.

One walk serves two guarantees: a refused field is null where the schema says so and never takes its
parent along, and no path shows a private row or value to somebody who is no party of it.
`make walk` executes every document as every person; the suite executes a fixed share of them.
"""

from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest

from execution import Answer
from resolvers.rules import rule_of
from tests.support.walk.graph_walk import SHAPE, object_types, walking_engine
from tests.support.walk.marks import shown_marks, violations
from tests.support.walk.parties import World
from tests.support.walk.refused_fields import lost_parent
from tests.support.walk.row_documents import documents_of
from tests.support.walk.rules import RULE_OF_ROWS, RULE_OF_VALUE
from tests.support.walk.share import share

# The walk takes half a minute, and several on a machine with another load.
pytestmark = pytest.mark.timeout(900)


@dataclass
class Findings:
    """What is wrong with the answers; `seen` has the private values that anybody was shown."""

    internal: set[Any] = field(default_factory=set)
    lost: set[Any] = field(default_factory=set)
    shown: set[Any] = field(default_factory=set)
    seen: set[Any] = field(default_factory=set)

    def judge(self, world: World, who: str, place: str, answer: Answer) -> None:
        for error in answer.errors or []:
            path = [key for key in error.get("path", ()) if isinstance(key, str)]
            if error["extensions"]["code"] == "INTERNAL":
                self.internal.add((who, ".".join(path), error["message"]))
            elif lost_parent(answer, error.get("path", [])):
                self.lost.add((who, ".".join(path)))
        text = orjson.dumps(answer.data)
        actor = world.clients[who].actor
        self.seen |= {(model, column) for model, column, _ in shown_marks(world, text)}
        for rule, what in violations(world, actor, text):
            self.shown.add((rule, what, who, place))


@pytest.fixture(scope="module")
async def findings(world: World) -> Findings:
    result, engine = Findings(), walking_engine()
    for turn, (place, document, variables) in enumerate(documents_of(world)):
        prepared = engine.prepare(document)
        assert not isinstance(prepared, Answer), (prepared.errors, document)
        for who in share(document, world.clients, turn):
            context = world.clients[who].context()
            result.judge(world, who, place, await engine.execute(prepared, variables, context))
    return result


def test_every_rule_has_rows_of_its_parties_and_of_others(world: World) -> None:
    """A type without rows in the world, or with rows for everybody, would not be tried."""
    actors = [client.actor for client in world.clients.values()]
    untried = []
    for model, rule in RULE_OF_ROWS.items():
        rows = world.rows[model].values()
        if {rule.permits(world, actor, row) for row in rows for actor in actors} != {True, False}:
            untried.append(model.__name__)
    assert not untried


def report(found: set[Any]) -> str:
    return "\n".join(map(str, sorted(found, key=str)))


def test_a_refused_field_is_null_and_never_takes_its_parent_along(findings: Findings) -> None:
    """`delivery { round }` as a customer lost the delivery, `jobs` as staff the whole answer."""
    assert not findings.internal, report(findings.internal)
    assert not findings.lost, report(findings.lost)


def test_every_field_with_a_rule_is_nullable() -> None:
    """Roots as well: a refused mutation must not hide what the ones before it have done."""
    roots = [SHAPE.query_type, SHAPE.mutation_type]
    rigid = [
        f"{kind.name}.{name}"
        for kind in (*filter(None, roots), *object_types())
        for name, declared in kind.fields.items()
        if (rule := rule_of(declared)) and not rule.anonymous and str(declared.type).endswith("!")
    ]
    assert not rigid


def test_no_path_shows_a_row_or_a_value_to_somebody_who_is_no_party_of_it(
    findings: Findings,
) -> None:
    """Ids of the neighbor store's orders, names, codes, refusals of banks, positions of riders."""
    assert not findings.shown, report(findings.shown)


def test_every_private_value_is_shown_to_somebody(findings: Findings) -> None:
    """A value that nobody is shown would prove nothing."""
    assert not set(RULE_OF_VALUE) - findings.seen
