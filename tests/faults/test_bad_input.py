"""Input that can't be right, over HTTP: each a named error, never a 500, and nothing is written."""

from typing import Any

import pytest

from database.base import uuid7
from models.ids import encode
from models.orders import Order
from models.stores import Store
from schema.root import graph
from tests.support.faults.http_client import PLACE, Neighborhood, line, troubles
from tests.support.minimal_queries import document, holds_ids

ROOTS = {"query": graph._schema.query_type, "mutation": graph._schema.mutation_type}
SHOP = """
query Shop($at: GeoPointInput!, $words: String!, $first: Int!, $after: String, $category: ID!) {
  storefront(at: $at) {
    serviceable
    category(id: $category) { id }
    products(first: $first, after: $after) { nodes { id } }
    search(query: $words, first: 10) { nodes { id } }
  }
}
"""
CART = """
mutation Fill($input: CartLinesSetInput!) {
  cartLinesSet(input: $input) { errors { __typename ... on Problem { path message } } }
}
"""
ADDRESS = """
mutation Save($input: AddressSaveInput!) {
  addressSave(input: $input) { errors { __typename ... on Problem { path message } } }
}
"""
CANCEL = """
mutation Cancel($input: OrderCancelInput!) {
  orderCancel(input: $input) { errors { __typename ... on Problem { path message } } }
}
"""
TICKET = """
mutation Open($input: TicketOpenInput!) {
  ticketOpen(input: $input) { errors { __typename ... on Problem { path message } } }
}
"""
FAR = {"latitude": 0.0, "longitude": -150.0}
PLACES: list[tuple[Any, set[str]]] = [
    (FAR, {"NotServiceable"}),
    ({"latitude": 91, "longitude": 0}, {"InvalidInput"}),
    ({"latitude": 0, "longitude": -180.5}, {"InvalidInput"}),
    ({"latitude": 1e300, "longitude": 1e300}, {"InvalidInput"}),
    ({"latitude": "41", "longitude": 0}, {"BAD_USER_INPUT"}),
    ({"latitude": None, "longitude": 0}, {"BAD_USER_INPUT"}),
    ({}, {"BAD_USER_INPUT"}),
    ([], {"BAD_USER_INPUT"}),
]
OUT = {"QuantityOutOfRange"}
QUANTITIES: list[tuple[Any, set[str]]] = [
    (-1, OUT),
    (0, OUT),  # in a cart it takes the product out
    (100, OUT),
    (2**31 - 1, OUT),
    (2**31, {"BAD_USER_INPUT"}),
    (10**30, {"BAD_USER_INPUT"}),
    (1.5, {"BAD_USER_INPUT"}),
    ("1", {"BAD_USER_INPUT"}),
    (None, {"BAD_USER_INPUT"}),
]
STRANGE_IDS = [
    "",
    " ",
    "ord_",
    "nothing",
    "ord_ ",
    "x" * 5000,
    "prd_" + "A" * 22,
    "ord_" + "A" * 22,
    "ord_\u0000",
    "ord_\ud800",
    "' or 1=1 --",
    "🥛",
    "00000000-0000-7000-8000-000000000000",
]
STRANGE_WORDS = [
    "\u0000", "a\u0000b", "\ud800", "x" * 10_000, "\u202e", "%_\\", "'", "\n\n", "&|!:*",
]  # fmt: skip
CLEAR = {
    "InvalidInput", "NotFound", "NOT_FOUND", "INVALID_INPUT", "BAD_USER_INPUT", "BAD_REQUEST",
    "QUERY_TOO_COMPLEX", "LineLimit", "QuantityOutOfRange", "RoleNotGrantable",
}  # fmt: skip
# Where a product of the own company is no strange id at all.
OF_ANY_NOUN = {"node", "nodes", "productHandlingSet"}
FILTER = "ownTickets"  # finds nothing for an order that is not there


@pytest.mark.parametrize(("at", "expected"), PLACES)
async def test_a_place_where_nobody_can_be_served(
    neighborhood: Neighborhood, at: Any, expected: set[str]
) -> None:
    one = neighborhood
    async with one.nothing_written():
        order = {"at": at, "lines": [line(one.quarter)]}
        assert troubles(await one.answer(PLACE, {"input": order}, who=one.stranger)) == expected
        cart = {"at": at, "lines": [line(one.quarter)]}
        assert troubles(await one.answer(CART, {"input": cart}, who=one.stranger)) == expected
        shop = "query Shop($at: GeoPointInput!) { storefront(at: $at) { serviceable message } }"
        answer = await one.answer(shop, {"at": at})
        if at is FAR:
            assert answer["data"]["storefront"]["serviceable"] is False
        else:
            assert troubles(answer) <= {"INVALID_INPUT", "BAD_USER_INPUT"} != set()
        given = {"label": "Home", "line": "Street 1", "at": at}
        if at is not FAR:
            said = troubles(await one.answer(ADDRESS, {"input": given}, who=one.stranger))
            assert said == expected


@pytest.mark.parametrize(("quantity", "expected"), QUANTITIES)
async def test_a_quantity_that_nobody_can_buy(
    neighborhood: Neighborhood, quantity: Any, expected: set[str]
) -> None:
    one = neighborhood
    given = {"at": one.quarter.point, "lines": [line(one.quarter, quantity=quantity)]}
    async with one.nothing_written():
        said = troubles(await one.answer(PLACE, {"input": given}, who=one.stranger))
        assert said == ({"InvalidInput"} if expected == OUT else expected)
        if quantity != 0:
            said = troubles(await one.answer(CART, {"input": given}, who=one.stranger))
            assert said == expected


@pytest.mark.parametrize("count", [0, 101, 1000])
async def test_too_many_lines_or_none(neighborhood: Neighborhood, count: int) -> None:
    one = neighborhood
    given = {"at": one.quarter.point, "lines": [line(one.quarter)] * count}
    async with one.nothing_written():
        said = troubles(await one.answer(PLACE, {"input": given}, who=one.stranger))
        assert said, said
        assert said <= CLEAR | {"EmptyCart", "CartEmpty"}
        if count:
            said = troubles(await one.answer(CART, {"input": given}, who=one.stranger))
            assert said == {"LineLimit"}


@pytest.mark.parametrize("minor", [-1, 2**63, 10**40, 1.5, "1e3", "x", True])
async def test_a_tip_that_is_no_sum(neighborhood: Neighborhood, minor: Any) -> None:
    one = neighborhood
    given = {"at": one.quarter.point, "lines": [line(one.quarter)], "tipMinor": minor}
    async with one.nothing_written():
        said = troubles(await one.answer(PLACE, {"input": given}, who=one.stranger))
        assert said
        assert said <= CLEAR


@pytest.mark.parametrize("first", [0, -1, 101, 2**31 - 1, 2**31, None])
async def test_a_page_of_no_size(neighborhood: Neighborhood, first: Any) -> None:
    one = neighborhood
    given = {"at": one.quarter.point, "words": "milk", "first": first, "category": "x"}
    async with one.nothing_written():
        said = troubles(await one.answer(SHOP, given))
        assert said
        assert said <= CLEAR


@pytest.mark.parametrize("text", STRANGE_WORDS)
async def test_words_that_no_table_can_hold(neighborhood: Neighborhood, text: str) -> None:
    one = neighborhood
    given = {"at": one.quarter.point, "words": text, "first": 1, "after": text, "category": text}
    note = {"orderId": encode(Order, uuid7()), "reason": "OTHER", "note": text}
    ticket = {"orderId": one.order_id, "kind": "OTHER", "subject": text, "body": text}
    async with one.nothing_written():
        assert troubles(await one.answer(SHOP, given)) <= CLEAR
        assert troubles(await one.answer(CANCEL, {"input": note}, who=one.stranger)) <= CLEAR
        assert troubles(await one.answer(TICKET, {"input": ticket}, who=one.stranger)) <= CLEAR


@pytest.mark.parametrize("text", ["\u0000", "a\u0000b", "\ud800"])
async def test_words_of_the_owner_that_no_table_can_hold(
    neighborhood: Neighborhood, text: str
) -> None:
    one = neighborhood
    note = {"orderId": one.order_id, "reason": "OTHER", "note": text}
    ticket = {"orderId": one.order_id, "kind": "OTHER", "subject": text, "body": text}
    home = {"label": text, "line": text, "at": one.quarter.point}
    door = {"at": one.quarter.point, "lines": [line(one.quarter)], "dropNote": text}
    async with one.nothing_written():
        for query, given in ((CANCEL, note), (TICKET, ticket), (ADDRESS, home), (PLACE, door)):
            said = troubles(await one.answer(query, {"input": given}, who=one.owner))
            assert said, query
            assert said <= CLEAR


FIELDS = [
    (operation, name)
    for operation, root in ROOTS.items()
    if root is not None
    for name, field in root.fields.items()
    if any(holds_ids(one.type) for one in field.args.values())
]


def asking(operation: str, name: str, id: str) -> tuple[str, dict[str, Any]]:
    """A document in which every id is this one."""
    root: Any = ROOTS[operation]
    return document(operation, name, root.fields[name], lambda argument: id)


@pytest.mark.parametrize(("operation", "name"), FIELDS, ids=[name for _, name in FIELDS])
async def test_ids_of_nothing_of_another_noun_and_of_no_shape(
    neighborhood: Neighborhood, operation: str, name: str
) -> None:
    one = neighborhood
    ids = [*STRANGE_IDS, encode(Order, uuid7()), encode(Store, uuid7())]
    product = one.quarter.products[0]
    foreign = encode(type(product), product.id)
    async with one.nothing_written():
        for text in [*ids, *([] if name in OF_ANY_NOUN else [foreign])]:
            written, variables = asking(operation, name, text)
            for who in (one.stranger, *one.staff.values()):
                said = troubles(await one.answer(written, variables, who=who))
                assert said or name == FILTER, (text, who.actor.roles)
                assert said <= CLEAR | {"FORBIDDEN", "UNAUTHENTICATED"}, (text, who.actor.roles)


@pytest.mark.parametrize(("operation", "name"), FIELDS, ids=[name for _, name in FIELDS])
async def test_another_customers_order_is_nobodys(
    neighborhood: Neighborhood, operation: str, name: str
) -> None:
    one = neighborhood
    nobodys = encode(Order, uuid7())
    async with one.nothing_written():
        strangers = [one.stranger, one.staff["foreign_admin"], one.staff["foreign_agent"]]
        for who in [*strangers, one.staff["rider"]]:
            said = []
            for text in (one.order_id, nobodys):
                written, variables = asking(operation, name, text)
                said.append(troubles(await one.answer(written, variables, who=who)))
            assert said[0] == said[1], who.actor.roles
            assert said[0] or name == FILTER, who.actor.roles


async def test_a_key_used_again_answers_the_same_order_or_refuses(
    neighborhood: Neighborhood,
) -> None:
    one = neighborhood
    given = {"input": {"at": one.quarter.point, "lines": [line(one.quarter)]}}
    first = await one.answer(PLACE, given, who=one.owner, **{"idempotency-key": "again"})
    async with one.nothing_written():
        again = await one.answer(PLACE, given, who=one.owner, **{"idempotency-key": "again"})
        assert again["data"]["orderPlace"]["order"] == first["data"]["orderPlace"]["order"]
        assert again["extensions"]["replayed"] == ["again"]
        other = {"input": given["input"] | {"tipMinor": 100}}
        refused = await one.answer(PLACE, other, who=one.owner, **{"idempotency-key": "again"})
        assert troubles(refused) == {"IDEMPOTENCY_KEY_REUSED"}
        home = {"input": {"label": "Home", "line": "Street 1", "at": one.quarter.point}}
        refused = await one.answer(ADDRESS, home, who=one.owner, **{"idempotency-key": "again"})
        assert troubles(refused) == {"IDEMPOTENCY_KEY_REUSED"}
        for key in ("x" * 256, ""):
            refused = await one.answer(PLACE, given, who=one.owner, **{"idempotency-key": key})
            assert troubles(refused) == {"BAD_REQUEST"}
