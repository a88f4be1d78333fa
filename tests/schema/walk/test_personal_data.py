"""Every field with personal data has an audience, and the walk asks for it as everybody."""

import re
from collections.abc import Iterator

from graphql import GraphQLInterfaceType, GraphQLObjectType, get_named_type

from schema.fields_without_personal_data import (
    NOT_PERSONAL,
    NOT_PERSONAL_ANYWHERE,
    PERSONAL_WORDS,
)
from schema.personal_data import AUDIENCES, PERSONAL_FIELDS
from schema.root import graph
from schema.rules_table import rules_table
from tests.support.walk.marks import LINES, PHONES, text_columns
from tests.support.walk.rules import PLACE, RULE_OF_ROWS, RULE_OF_VALUE, RULES
from tests.support.walk.rules import rule_of_value as rule_of
from tests.support.walk.stored_fields import OBJECTS, stored
from tests.support.walk.walk_rule import WalkRule

WORD = re.compile(r"[A-Z]?[a-z0-9]+")
SUFFIXES = ("Connection", "Edge")


def fields_of_graph() -> Iterator[str]:
    for name, kind in graph._schema.type_map.items():
        if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType) and not name.startswith("__"):
            yield from (f"{name}.{field}" for field in kind.fields)


def words_of(field: str) -> set[str]:
    return {word.lower() for word in WORD.findall(field.partition(".")[2])}


def test_a_field_with_such_a_name_has_an_audience_or_carries_nothing_personal() -> None:
    """A new field of that kind fails here until somebody decides for whom it is."""
    named = {field for field in fields_of_graph() if words_of(field) & PERSONAL_WORDS}
    roots = {field for field in named if field.startswith(("Query.", "Mutation.", "Subscription."))}
    undecided = named - roots - PERSONAL_FIELDS - NOT_PERSONAL
    assert undecided == set()
    assert set(fields_of_graph()) >= PERSONAL_FIELDS | NOT_PERSONAL
    assert not PERSONAL_FIELDS & NOT_PERSONAL


def test_every_text_is_decided() -> None:
    """A text of any name may carry names: of each field it is said whether it does.

    The message of a problem is a sentence of the product about what the caller has sent.
    """
    undecided = []
    for name, kind in graph._schema.type_map.items():
        if not isinstance(kind, GraphQLObjectType) or name.startswith("__"):
            continue
        is_problem = any(one.name == "Problem" for one in kind.interfaces)
        for key, declared in kind.fields.items():
            field = f"{name}.{key}"
            is_decided = field in PERSONAL_FIELDS | NOT_PERSONAL or key in NOT_PERSONAL_ANYWHERE
            is_text = get_named_type(declared.type).name == "String"
            if is_text and not is_decided and not (is_problem and key == "message"):
                undecided.append(field)
    assert undecided == []


def test_the_walk_asks_for_each_by_the_rule_of_its_audience() -> None:
    """The stored value carries a mark, and the audience's rule says who may see the mark."""
    rules: dict[str, WalkRule] = {rule.name: rule for rule in RULES}
    assert {audience.rule for audience in AUDIENCES} - {""} <= rules.keys()
    wrong = []
    for audience in AUDIENCES:
        for field in audience.fields if audience.rule else ():
            if field in OBJECTS:
                continue
            model, columns = stored(field)
            marked = {*text_columns(model), *PHONES.get(model, ()), *LINES.get(model, ()), *PLACE}
            if model not in RULE_OF_ROWS and not any((model, x) in RULE_OF_VALUE for x in columns):
                wrong.append(f"{field}: nothing walks {model.__name__}")
            elif any(rule_of(model, x) is not rules[audience.rule] for x in columns):
                wrong.append(f"{field}: its rule is {rule_of(model, columns[0]).name}")
            elif not marked.issuperset(columns):
                wrong.append(f"{field}: carries no mark")
    assert not wrong


def test_the_table_is_in_the_documentation() -> None:
    assert all(f"`{field}`" in rules_table() for field in PERSONAL_FIELDS)
