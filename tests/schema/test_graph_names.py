"""Names of the graph follow the same rules everywhere; docs/graph.md says them in words."""

import re
from collections.abc import Callable, Iterator
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    get_named_type,
    is_list_type,
    is_non_null_type,
)

from schema.root import graph

Definition = GraphQLField | GraphQLInputField
Check = Callable[[str, Definition], object]

TYPES = {n: t for n, t in graph._schema.type_map.items() if not n.startswith("__")}
ABBREVIATED = re.compile(r"(?<=[a-z])(M|Ms|Mps|Bp|Kg|Km|Secs?|Min|Qty|Pct)$")
BOUND = re.compile(r"^(most|least|atMost|atLeast|maximum)")
# A moment is a point in time; names of intervals say where they begin and end.
MOMENT = re.compile(r"(At|Since|Until|Time|asOf)$|^(since|until)$")
# Numbers of units, amounts and ordinals, which are no counts of rows; figures of a process.
QUANTITY = re.compile(
    r"(Quantity|Units|Grams|Seconds|Meters|Milliseconds|Minutes|Days|Degrees|BasisPoints|Minor"
    r"|Bytes|units|surplus|onDraftOrders|orders|batches|requests|s[A-Z]\w*)$"
)
# Messages of streams become a union with one type for each kind of message.
STREAM_MESSAGES = {
    "DeliveryOffered", "StockImportChanged",
    "OrderTracked", "RiderUpdated", "StockAlertChanged", "StockChanged", "StoreQueueChanged",
    "StoreStockChanged", "SupportQueueChanged", "TicketChanged", "OrderEvent", "OrderSnapshot",
}  # fmt: skip


def members() -> Iterator[tuple[str, str, Definition]]:
    for name, declared in TYPES.items():
        if isinstance(declared, GraphQLObjectType | GraphQLInterfaceType | GraphQLInputObjectType):
            for field, definition in declared.fields.items():
                yield name, field, definition


def required(definition: Definition) -> object:
    """The type without its outermost "!"."""
    return definition.type.of_type if is_non_null_type(definition.type) else definition.type


def is_plain(definition: Definition, scalar: str) -> bool:
    return getattr(required(definition), "name", None) == scalar


def found(check: Check) -> list[str]:
    return [
        f"{owner}.{field}"
        for owner, field, definition in members()
        if owner not in STREAM_MESSAGES and check(field, definition)
    ]


def test_a_moment_says_so() -> None:
    assert not found(lambda field, d: is_plain(d, "DateTime") and not MOMENT.search(field))


def test_only_moments_end_in_at() -> None:
    assert not found(lambda field, d: re.search(r"[a-z]At$", field) and not is_plain(d, "DateTime"))


def test_a_date_names_its_day() -> None:
    day = re.compile(r"(Date|Day)$|^day$")
    assert not found(lambda field, d: is_plain(d, "Date") and not day.search(field))


def test_units_are_spelled_out() -> None:
    assert not found(lambda field, _: ABBREVIATED.search(field))


def test_a_number_that_is_a_plural_says_its_unit() -> None:
    """A number of rows ends in Count; another number says of what it is."""
    wrong = found(
        lambda field, d: is_plain(d, "Int") and field.endswith("s") and not QUANTITY.search(field)
    )
    assert not wrong


def test_a_bound_is_a_limit_a_min_or_a_max() -> None:
    assert not found(lambda field, _: BOUND.search(field))


def test_a_kind_is_called_type() -> None:
    assert not found(lambda field, _: re.search(r"(^k|K)ind$", field))
    enums = [n for n, t in TYPES.items() if isinstance(t, GraphQLEnumType)]
    assert not [name for name in enums if name.endswith("Kind")]


def test_a_payload_names_its_object_after_the_type() -> None:
    """Clients read `payload.order` everywhere; a transfer of stock keeps its short name."""
    short = {"StockTransfer": "transfer", "EndedSession": "session"}
    wrong = []
    for name in (each for each in TYPES if each.endswith("Payload")):
        payload: Any = TYPES[name]
        for field, definition in payload.fields.items():
            shown = get_named_type(definition.type)
            if not isinstance(shown, GraphQLObjectType) or "id" not in shown.fields:
                continue
            if is_list_type(required(definition)):
                continue
            expected = short.get(shown.name, shown.name[0].lower() + shown.name[1:])
            if field not in {expected, "errors"}:
                wrong.append(f"{name}.{field}: {shown.name}")
    assert not wrong
