"""Equal arguments have one fingerprint, different ones have different ones."""

import json
from dataclasses import dataclass, make_dataclass
from datetime import UTC, datetime, timedelta, timezone
from enum import Enum
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.core.fingerprints import canonical, fingerprint

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=15,
)


class Color(Enum):
    RED = "red"


@dataclass
class Input:
    """An input as GraphQL builds it."""

    name: str
    note: str | None = None
    count: int = 1
    shape: Any = None


def reordered(value: Any) -> Any:
    """The same JSON with the members of each object in the reverse order."""
    if isinstance(value, dict):
        return {key: reordered(value[key]) for key in reversed(value)}
    return [reordered(each) for each in value] if isinstance(value, list) else value


def as_floats(value: Any) -> Any:
    """The same JSON with whole numbers written as 41.0, where a float can hold them."""
    if isinstance(value, dict):
        return {key: as_floats(each) for key, each in value.items()}
    if isinstance(value, list):
        return [as_floats(each) for each in value]
    exact = isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**53
    return float(value) if exact else value


@given(JSON)
def test_the_order_of_members_and_the_form_of_numbers_make_no_difference(value: Any) -> None:
    """A client library that writes an object's members in another order sent the same request."""
    expected = fingerprint(Input("a", shape=value))
    assert fingerprint(Input("a", shape=reordered(value))) == expected
    assert fingerprint(Input("a", shape=as_floats(value))) == expected


@given(JSON, JSON)
def test_different_values_have_different_fingerprints(one: Any, other: Any) -> None:
    plain = [json.dumps(as_floats(each), sort_keys=True) for each in (one, other)]
    numbers_equal = canonical(one) == canonical(other)
    assert (fingerprint(one) == fingerprint(other)) == numbers_equal
    if plain[0] == plain[1]:
        assert numbers_equal


@given(st.text(), st.sampled_from([None, "", "x"]), st.integers())
def test_a_field_with_its_default_is_as_good_as_left_out(
    name: str, note: str | None, count: int
) -> None:
    """`note: null` and no `note` are one request; so are 1 and no count."""
    given_fields: dict[str, Any] = {"name": name, "note": note, "count": count}
    defaults = {"note": None, "count": 1}
    sent = {k: v for k, v in given_fields.items() if k not in defaults or v != defaults[k]}
    assert fingerprint(Input(**given_fields)) == fingerprint(Input(**sent))
    assert fingerprint(Input(name, "y")) != fingerprint(Input(name))


def test_a_field_that_is_added_to_an_input_later_changes_no_fingerprint() -> None:
    older = make_dataclass("Input", [("name", str)])
    assert fingerprint(older("a")) == fingerprint(Input("a"))


def test_a_moment_is_the_same_in_every_time_zone() -> None:
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    there = moment.astimezone(timezone(timedelta(hours=8)))
    assert fingerprint(moment) == fingerprint(there)
    assert fingerprint(moment) != fingerprint(moment + timedelta(microseconds=1))


def test_true_is_not_one_and_a_name_is_not_its_color() -> None:
    assert fingerprint(True) != fingerprint(1)
    assert fingerprint({"a": None}) != fingerprint({})
    assert fingerprint(Color.RED) == fingerprint(Color.RED)
    key = uuid4()
    assert fingerprint([key]) == fingerprint([key])


def test_a_value_without_a_canonical_form_is_refused() -> None:
    with pytest.raises(TypeError, match="object"):
        fingerprint(Input("a", shape=object()))
