"""The one table of rules, read off the graph itself: which field asks for which role."""

from collections.abc import Iterator
from dataclasses import dataclass

from graphql import GraphQLField, GraphQLObjectType

from database.base import uuid7
from models.identity import ANONYMOUS, Actor, Grant, Role, acting_for
from resolvers.rules import ANYONE, Rule
from resolvers.scopes import told
from schema.root import graph

HEAD = """# Who may what

Written by `python -m server rules`; a test holds it equal to the graph. A rule speaks of roles.
Which company's, store's or customer's rows a role reaches is decided by row-level security and by
the services: what belongs to somebody else is answered like what does not exist.

Fields of types that are not listed ask for nothing beyond the right to see their parent.

INTEGRATOR is an app of a company: where a scope stands the app needs it, and where nothing stands
the field is closed to apps. Types have scopes too (`resolvers/scopes.py`): what leads to an order
needs orders:read, and what tells of a person customers:read.
"""
YES = "✓"


@dataclass(frozen=True, slots=True)
class Guarded:
    """A field and its rule; root fields always have one, others when it is not everybody."""

    parent: str
    name: str
    rule: Rule


def rule_of(field: GraphQLField) -> Rule | None:
    """The rule that a field was declared with."""
    declared = field.extensions.get("strawberry-definition")
    found = getattr(declared, "metadata", {}).get("allow")
    return found if isinstance(found, Rule) else None


def guarded() -> Iterator[Guarded]:
    """Every root field, then every other field that has a rule."""
    shape = graph._schema
    roots = [shape.query_type, shape.mutation_type, shape.subscription_type]
    for root in filter(None, roots):
        for name, field in sorted(root.fields.items()):
            yield Guarded(root.name, name, rule_of(field) or ANYONE)
    for name, kind in sorted(shape.type_map.items()):
        if isinstance(kind, GraphQLObjectType) and kind not in roots:
            for child, field in sorted(kind.fields.items()):
                if (rule := rule_of(field)) is not None:
                    yield Guarded(name, child, rule)


def actors() -> dict[str, Actor]:
    """One actor of each kind, for asking the rules."""
    kinds = {"NOBODY": ANONYMOUS}
    for role in Role:
        kinds[role.value] = Actor(uuid7(), uuid7(), (Grant(role),))
    return kinds


def rules_table() -> str:
    """The table as Markdown: a row a field, a column a role."""
    kinds = actors()
    app = Actor(uuid7(), uuid7(), acting_for(uuid7()), app_id=uuid7())
    lines = [HEAD, "| field | rule | " + " | ".join(kinds) + " |", "|" + "---|" * (len(kinds) + 2)]
    for one in guarded():
        place = f"{one.parent}.{one.name}"
        marks = [YES if one.rule.allows(actor) else "" for actor in kinds.values()]
        marks[-1] = told(place) if one.rule.allows(app) else ""
        lines.append(f"| {place} | {one.rule.name} | " + " | ".join(marks) + " |")
    return "\n".join(lines) + "\n"
