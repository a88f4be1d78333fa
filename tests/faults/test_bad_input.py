"""Invalid input over HTTP: each is a named error, never a 500, and nothing is written."""

from typing import Any

import pytest

from attack.extremes.samples import contains_id
from database.base import uuid7
from models.ids import encode_id
from models.orders import Order
from models.stores import Store
from schema.root import graph
from tests.support.faults.http_client import PLACE, FaultScenario, error_codes, order_line
from tests.support.faults.order_inputs import order_at_door
from tests.support.minimal_queries import minimal_document
from tests.support.walk.share import share

ROOTS = {"query": graph._schema.query_type, "mutation": graph._schema.mutation_type}
SHOP = """
query Shop($location: GeoPointInput!, $words: String!, $first: Int!, $after: String, $category:
ID!) {
  storefront(location: $location) {
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


async def order_codes(scenario: FaultScenario, fields: dict[str, Any]) -> set[str]:
    """The errors of placing an order as a guest."""
    given = {"input": order_at_door(fields)}
    return await scenario.error_codes(PLACE, given, who=scenario.stranger)


UNSERVED = {"latitude": 0.0, "longitude": -150.0}
LOCATIONS: list[tuple[Any, set[str]]] = [
    (UNSERVED, {"NotServiceable"}),
    ({"latitude": 91, "longitude": 0}, {"InvalidInput"}),
    ({"latitude": 0, "longitude": -180.5}, {"InvalidInput"}),
    ({"latitude": 1e300, "longitude": 1e300}, {"InvalidInput"}),
    ({"latitude": "41", "longitude": 0}, {"BAD_USER_INPUT"}),
    ({"latitude": None, "longitude": 0}, {"BAD_USER_INPUT"}),
    ({}, {"BAD_USER_INPUT"}),
    ([], {"BAD_USER_INPUT"}),
]
OUT_OF_RANGE = {"QuantityOutOfRange"}
QUANTITIES: list[tuple[Any, set[str]]] = [
    (-1, OUT_OF_RANGE),
    (0, OUT_OF_RANGE),  # in a cart it removes the product
    (100, OUT_OF_RANGE),
    (2**31 - 1, OUT_OF_RANGE),
    (2**31, {"BAD_USER_INPUT"}),
    (10**30, {"BAD_USER_INPUT"}),
    (1.5, {"BAD_USER_INPUT"}),
    ("1", {"BAD_USER_INPUT"}),
    (None, {"BAD_USER_INPUT"}),
]
MALFORMED_IDS = [
    "",
    " ",
    "ord_",
    "nothing",
    "ord_ ",
    "x" * 5000,
    "ord_\u0000",
    "ord_\ud800",
    "' or 1=1 --",
    "🥛",
    "00000000-0000-7000-8000-000000000000",
]
NOBODYS_IDS = ["prd_" + "A" * 22, "ord_" + "A" * 22]
INVALID_TEXTS = [
    "\u0000", "a\u0000b", "\ud800", "x" * 10_000, "\u202e", "%_\\", "'", "\n\n", "&|!:*",
]  # fmt: skip
CLEAR_ERRORS = {
    "InvalidInput", "NotFound", "NOT_FOUND", "INVALID_INPUT", "BAD_USER_INPUT", "BAD_REQUEST",
    "QUERY_TOO_COMPLEX", "LineLimit", "QuantityOutOfRange", "RoleNotGrantable",
}  # fmt: skip
REFUSALS = CLEAR_ERRORS | {"FORBIDDEN", "UNAUTHENTICATED"}
# Fields for which the id of a product of the own company is valid.
ACCEPTS_PRODUCT_ID = {"node", "nodes", "productBarcodesSet", "productUpdate"}
FILTER_FIELD = "ownTickets"  # returns no error for an order that does not exist


@pytest.mark.parametrize(("at", "expected"), LOCATIONS)
async def test_an_unserved_or_invalid_location_is_refused(
    scenario: FaultScenario, at: Any, expected: set[str]
) -> None:
    async with scenario.assert_nothing_written():
        order = {"location": at, "lines": [order_line(scenario.city)]}
        for query, given in ((PLACE, order_at_door(order)), (CART, order)):
            codes = await scenario.error_codes(query, {"input": given}, who=scenario.stranger)
            assert codes == expected
        shop = (
            "query Shop($location: GeoPointInput!) { storefront(location: $location) {"
            " serviceable message } }"
        )
        answer = await scenario.execute(shop, {"location": at})
        if at is UNSERVED:
            assert answer["data"]["storefront"]["serviceable"] is False
        else:
            assert error_codes(answer) <= {"INVALID_INPUT", "BAD_USER_INPUT"} != set()
        home = {"label": "Home", "addressLine": "Street 1", "location": at}
        if at is not UNSERVED:
            codes = await scenario.error_codes(ADDRESS, {"input": home}, who=scenario.stranger)
            assert codes == expected


@pytest.mark.parametrize(("quantity", "expected"), QUANTITIES)
async def test_an_invalid_quantity_is_refused(
    scenario: FaultScenario, quantity: Any, expected: set[str]
) -> None:
    fields = {
        "location": scenario.city.point,
        "lines": [order_line(scenario.city, quantity=quantity)],
    }
    async with scenario.assert_nothing_written():
        codes = await order_codes(scenario, fields)
        assert codes == ({"InvalidInput"} if expected == OUT_OF_RANGE else expected)
        if quantity != 0:
            codes = await scenario.error_codes(CART, {"input": fields}, who=scenario.stranger)
            assert codes == expected


@pytest.mark.parametrize("count", [0, 101, 1000])
async def test_too_many_lines_or_none_are_refused(scenario: FaultScenario, count: int) -> None:
    fields = {"location": scenario.city.point, "lines": [order_line(scenario.city)] * count}
    async with scenario.assert_nothing_written():
        codes = await order_codes(scenario, fields)
        assert codes, codes
        assert codes <= CLEAR_ERRORS | {"EmptyCart", "CartEmpty"}
        if count:
            codes = await scenario.error_codes(CART, {"input": fields}, who=scenario.stranger)
            assert codes == {"LineLimit"}


@pytest.mark.parametrize("minor", [-1, 2**63, 10**40, 1.5, "1e3", "x", True])
async def test_an_invalid_tip_is_refused(scenario: FaultScenario, minor: Any) -> None:
    fields = {
        "location": scenario.city.point,
        "lines": [order_line(scenario.city)],
        "tipMinor": minor,
    }
    async with scenario.assert_nothing_written():
        codes = await order_codes(scenario, fields)
        assert codes
        assert codes <= CLEAR_ERRORS


@pytest.mark.parametrize("first", [0, -1, 101, 2**31 - 1, 2**31, None])
async def test_an_invalid_page_size_is_refused(scenario: FaultScenario, first: Any) -> None:
    fields = {"location": scenario.city.point, "words": "milk", "first": first, "category": "x"}
    async with scenario.assert_nothing_written():
        codes = await scenario.error_codes(SHOP, fields)
        assert codes
        assert codes <= CLEAR_ERRORS


@pytest.mark.parametrize("text", INVALID_TEXTS)
async def test_text_that_cannot_be_stored_is_refused_or_ignored(
    scenario: FaultScenario, text: str
) -> None:
    fields = {
        "location": scenario.city.point,
        "words": text,
        "first": 1,
        "after": text,
        "category": text,
    }
    note = {"orderId": encode_id(Order, uuid7()), "reason": "OTHER", "note": text}
    ticket = {"orderId": scenario.order_id, "category": "OTHER", "subject": text, "body": text}
    async with scenario.assert_nothing_written():
        assert await scenario.error_codes(SHOP, fields) <= CLEAR_ERRORS
        for query, variables in ((CANCEL, note), (TICKET, ticket)):
            codes = await scenario.error_codes(query, {"input": variables}, who=scenario.stranger)
            assert codes <= CLEAR_ERRORS


@pytest.mark.parametrize("text", ["\u0000", "a\u0000b", "\ud800"])
async def test_text_of_the_owner_that_cannot_be_stored_is_refused(
    scenario: FaultScenario, text: str
) -> None:
    note = {"orderId": scenario.order_id, "reason": "OTHER", "note": text}
    ticket = {"orderId": scenario.order_id, "category": "OTHER", "subject": text, "body": text}
    home = {"label": text, "addressLine": text, "location": scenario.city.point}
    at = {"location": scenario.city.point, "lines": [order_line(scenario.city)]}
    delivery = order_at_door({**at, "deliveryInstructions": text})
    async with scenario.assert_nothing_written():
        for query, fields in ((CANCEL, note), (TICKET, ticket), (ADDRESS, home), (PLACE, delivery)):
            codes = await scenario.error_codes(query, {"input": fields}, who=scenario.owner)
            assert codes, query
            assert codes <= CLEAR_ERRORS


FIELDS = [
    (operation, name)
    for operation, root in ROOTS.items()
    if root is not None
    for name, field in root.fields.items()
    if any(contains_id(argument.type) for argument in field.args.values())
]


def document_with_id(operation: str, name: str, id: str) -> tuple[str, dict[str, Any]]:
    """Return a document and variables in which every id is `id`."""
    root: Any = ROOTS[operation]
    return minimal_document(operation, name, root.fields[name], lambda argument: id)


@pytest.mark.parametrize(("operation", "name"), FIELDS, ids=[name for _, name in FIELDS])
async def test_unknown_malformed_and_foreign_ids_are_refused(
    scenario: FaultScenario, operation: str, name: str
) -> None:
    """Ids of nothing by everybody; what is no id by everybody in turn, each of them twice."""
    ids = [*NOBODYS_IDS, encode_id(Order, uuid7()), encode_id(Store, uuid7())]
    product = scenario.city.products[0]
    foreign = [] if name in ACCEPTS_PRODUCT_ID else [encode_id(type(product), product.id)]
    people = {"stranger": scenario.stranger, **scenario.staff}
    tries = [(text, tuple(people)) for text in (*ids, *foreign)]
    for turn, text in enumerate(MALFORMED_IDS):
        tries.append((text, tuple(share(f"{operation} {name}", people, turn))))
    async with scenario.assert_nothing_written():
        for text, names in tries:
            query, variables = document_with_id(operation, name, text)
            for who in names:
                codes = await scenario.error_codes(query, variables, who=people[who])
                assert codes or name == FILTER_FIELD, (text, who)
                assert codes <= REFUSALS, (text, who)


@pytest.mark.parametrize(("operation", "name"), FIELDS, ids=[name for _, name in FIELDS])
async def test_another_customers_order_looks_like_an_unknown_one(
    scenario: FaultScenario, operation: str, name: str
) -> None:
    unknown_id = encode_id(Order, uuid7())
    async with scenario.assert_nothing_written():
        staff = [scenario.staff[name] for name in ("foreign_admin", "foreign_agent", "rider")]
        for who in [scenario.stranger, *staff]:
            codes = []
            for text in (scenario.order_id, unknown_id):
                query, variables = document_with_id(operation, name, text)
                codes.append(await scenario.error_codes(query, variables, who=who))
            assert codes[0] == codes[1], who.actor.roles
            assert codes[0] or name == FILTER_FIELD, who.actor.roles


SAME_KEY = {"idempotency-key": "again"}


async def test_a_reused_idempotency_key_replays_or_is_refused(
    scenario: FaultScenario,
) -> None:
    fields = {
        "input": order_at_door(
            {"location": scenario.city.point, "lines": [order_line(scenario.city)]}
        )
    }
    first = await scenario.execute(PLACE, fields, who=scenario.owner, **SAME_KEY)
    async with scenario.assert_nothing_written():
        replay = await scenario.execute(PLACE, fields, who=scenario.owner, **SAME_KEY)
        assert replay["data"]["orderPlace"]["order"] == first["data"]["orderPlace"]["order"]
        assert replay["extensions"]["replayed"] == ["again"]
        other = {"input": fields["input"] | {"tipMinor": 100}}
        response = await scenario.execute(PLACE, other, who=scenario.owner, **SAME_KEY)
        assert error_codes(response) == {"IDEMPOTENCY_KEY_REUSED"}
        home = {
            "input": {"label": "Home", "addressLine": "Street 1", "location": scenario.city.point}
        }
        response = await scenario.execute(ADDRESS, home, who=scenario.owner, **SAME_KEY)
        assert error_codes(response) == {"IDEMPOTENCY_KEY_REUSED"}
        for key in ("x" * 256, ""):
            headers = {"idempotency-key": key}
            response = await scenario.execute(PLACE, fields, who=scenario.owner, **headers)
            assert error_codes(response) == {"BAD_REQUEST"}
