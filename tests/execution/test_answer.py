"""The JSON encoding of an answer, also with values that orjson refuses."""

import json
from decimal import Decimal

import pytest

from execution import Answer, Engine
from tests.support.execution.shop_schema import schema


def test_keys_are_in_the_order_of_the_specification() -> None:
    answer = Answer({"a": 1}, [{"message": "m"}], {"cost": 3})
    assert answer.encode() == b'{"data":{"a":1},"errors":[{"message":"m"}],"extensions":{"cost":3}}'


def test_data_is_null_after_execution_and_absent_before() -> None:
    assert Answer(None, [{"message": "m"}]).encode() == b'{"data":null,"errors":[{"message":"m"}]}'
    refused = Answer(None, [{"message": "m"}], executed=False)
    assert refused.encode() == b'{"errors":[{"message":"m"}]}'


@pytest.mark.parametrize(
    ("value", "sent"),
    [(2**70, 2**70), (Decimal("1.5"), "1.5"), ("\ud800", "\ud800"), ({1: 2}, {"1": 2})],
)
def test_values_that_orjson_refuses_are_encoded(value: object, sent: object) -> None:
    assert json.loads(Answer({"a": value}).encode()) == {"data": {"a": sent}}


def test_an_error_whose_formatter_fails_is_masked() -> None:
    def fail(error: object) -> dict[str, object]:
        raise ValueError(error)

    answer = Engine(schema, on_error=fail).prepare("{ nothing }")
    assert isinstance(answer, Answer)
    assert answer.errors == [{"message": "Internal server error."}]
