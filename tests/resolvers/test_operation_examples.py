"""The first lines and the example variables of docs/operations: true, complete, and usable."""

import pytest
from graphql.execution.values import get_variable_values

from schema.root import graph
from server.endpoints.explorer import ANYBODY, READERS, SIGNED_IN_USERS
from tests.support.operations.audiences import (
    PEOPLE,
    least_role,
    named_readers,
    permitted_readers,
)
from tests.support.operations.examples import (
    OUTSIDE,
    PUBLIC_ID,
    definition,
    examples,
    root_type,
    selects,
)
from tests.support.operations.player import EVERY, Operation

SHAPE = graph._schema
NAMES = {operation.name for operation in EVERY}
NARROWER = {
    "order_cancellation": "the reasons that staff and riders have are none",
    "order_tracked": "a rider follows the delivery",
}
"""Documents that are of use to fewer people than may run them, and why."""
each_operation = pytest.mark.parametrize("operation", EVERY, ids=lambda operation: operation.name)


@each_operation
def test_the_first_line_names_who_may_run_it(operation: Operation) -> None:
    """Some forty documents named store staff and admins for what only managers may do.

    Who may is whoever passes the rules (docs/rules.md) of all fields that the document selects.
    """
    assert set(operation.readers) <= {ANYBODY, SIGNED_IN_USERS, *READERS.values()}
    named, permitted = (
        named_readers(operation.readers),
        permitted_readers(SHAPE, operation.document),
    )
    if operation.name in NARROWER:
        assert named[0] < permitted[0]
    else:
        assert named == permitted


@each_operation
def test_every_required_variable_has_an_example(operation: Operation) -> None:
    """34 of the examples could not run, and did not say what was missing."""
    defined = definition(operation.document).variable_definitions or ()
    values = get_variable_values(SHAPE, defined, operation.sample)
    assert not isinstance(values, list), [error.message for error in values]
    for example in examples(SHAPE, operation):
        if example.kind == "ID":
            text = str(example.value)
            assert PUBLIC_ID.fullmatch(text) or example.source or text in OUTSIDE, example


@each_operation
def test_a_text_that_says_what_to_paste_names_a_source_that_has_it(operation: Operation) -> None:
    """Three texts named an operation that does not select the value, others one that is gone.

    Each reader of the document may run at least one of its sources.
    """
    for example in examples(SHAPE, operation):
        if not isinstance(example.value, str) or not example.value.startswith(("paste", "scan")):
            continue
        if example.value in OUTSIDE:
            continue
        assert example.sources, example.value
        assert set(example.sources) <= NAMES, example.value
        returned = root_type(SHAPE, operation.document)
        for source in example.sources:
            assert selects(SHAPE, source, example, returned), (source, example)
        may = {each: permitted_readers(SHAPE, Operation(each).document) for each in example.sources}
        for reader in operation.readers:
            role = least_role(reader)
            assert any(role in roles if role else roles == PEOPLE for roles, _ in may.values()), (
                reader,
                example.value,
            )


def test_the_exceptions_are_operations() -> None:
    assert NARROWER.keys() <= NAMES
