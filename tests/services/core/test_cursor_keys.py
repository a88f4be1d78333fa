"""Each key of a cursor fits in its own column: what doesn't is no cursor, not an error of ours."""

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import BigInteger, Date, Double, Float, Integer, SmallInteger, Text, Uuid
from sqlalchemy.types import TypeEngine

from attack.extremes.inputs import forged_cursor
from attack.extremes.values import KEYS
from database.base import Base
from execution import Answer
from models.alerts import StockAlert
from models.counter_sales import PosSale
from services.core.pages import decode_cursor, encode_cursor, parse_key
from services.core.problems import DomainError, InvalidInput
from tests.support.actors import ActorClient, engine

FITTING: list[tuple[TypeEngine[Any], list[Any]]] = [
    (SmallInteger(), [-(2**15), 0, 2**15 - 1]),
    (Integer(), [-(2**31), 2**31 - 1]),
    (BigInteger(), [-(2**63), 2**63 - 1]),
    (Float(53), [0, -1.5, 1e308, 5e-324]),
    (Double(), [0.5]),
    (Text(), ["", "x", "\N{GRINNING FACE}"]),
    (Date(), ["1900-01-01", "9998-12-31"]),
    (Uuid(), [str(UUID(int=0)), "f" * 32]),
]
TOO_WIDE = [
    (SmallInteger(), 2**15), (SmallInteger(), -(2**15) - 1), (Integer(), 2**31),
    (Integer(), "9" * 400), (BigInteger(), 2**63), (BigInteger(), 1.5), (Integer(), True),
    (Float(53), "nan"), (Float(53), "inf"), (Float(53), True), (Text(), "\0"), (Text(), 5),
    (Date(), "0001-01-01"), (Date(), 739000), (Uuid(), 5), (Uuid(), "x"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "values"), FITTING, ids=repr)
def test_what_fits_in_the_column_is_a_key(kind: TypeEngine[Any], values: list[Any]) -> None:
    for value in values:
        decoded = decode_cursor(encode_cursor(value), kind)
        assert decoded is not None
        assert str(decoded[0]) in {str(value), str(UUID(hex="f" * 32)), f"{value}.0"}


@pytest.mark.parametrize(("kind", "value"), TOO_WIDE, ids=repr)
def test_what_is_wider_than_the_column_is_no_cursor(kind: TypeEngine[Any], value: Any) -> None:
    """A cursor with a number of 400 digits, or of 32 bits for a smallint, ended as INTERNAL."""
    with pytest.raises(DomainError) as refused:
        decode_cursor(encode_cursor(value), kind)
    assert isinstance(refused.value.problems[0], InvalidInput)


@pytest.mark.parametrize("value", KEYS, ids=lambda value: repr(value)[:20])
def test_a_forged_cursor_is_of_a_list_or_refused(value: Any) -> None:
    for keys in ((StockAlert.urgency, StockAlert.id), (PosSale.receipt_number,)):
        forged = forged_cursor([value, f"{7:032x}"][: len(keys)])
        try:
            decoded = decode_cursor(forged, *keys)
        except DomainError:
            continue
        assert decoded is not None
        assert type(decoded[0]) is int


def test_every_type_of_a_sortable_column_is_known() -> None:
    """A list that is sorted by another type would fail only when its second page is read."""
    known = (Integer, Float, Text, Date, Uuid)
    columns = [c for table in Base.metadata.tables.values() for c in table.columns]
    for column in columns:
        if isinstance(column.type, known):
            with pytest.raises((ValueError, TypeError, AttributeError)):
                parse_key(column, None)


@pytest.mark.parametrize("text", ["\0", "a\0b", "\ud800"])
async def test_text_that_no_column_holds_is_refused_for_every_argument(
    super_admin: ActorClient, text: str
) -> None:
    """`jobFailures(job: "\\u0000")` was INTERNAL, for `supplierCreate` and a dozen others too."""
    document = "query F($job: String) { jobFailures(first: 1, job: $job) { nodes { id } } }"
    assert await super_admin.codes(document, {"job": text}) == {"BAD_USER_INPUT"}


def test_a_literal_that_no_column_holds_is_refused() -> None:
    refused = engine().prepare('{ jobFailures(first: 1, job: "\\u0000") { nodes { id } } }')
    assert isinstance(refused, Answer)
    assert [error["extensions"]["code"] for error in refused.errors or []] == ["BAD_USER_INPUT"]
