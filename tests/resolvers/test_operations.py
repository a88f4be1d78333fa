"""The shop window's client operations, each with the most statements that it may take."""

from pathlib import Path
from typing import Any

import pytest

from models import Actor
from models.database import Database
from tests.asking import Asking, id_of, statements
from tests.city import City

OPERATIONS = Path(__file__).resolve().parents[2] / "docs" / "operations"


def operation(name: str) -> str:
    return (OPERATIONS / f"{name}.graphql").read_text()


@pytest.mark.parametrize(
    ("name", "variables", "most"),
    [
        ("storefront", {}, 12),
        ("storefront_category", {"slug": "home"}, 3),
        ("storefront_search", {"query": "milk"}, 2),
    ],
)
async def test_a_reading_operation_keeps_its_budget(
    ask: Asking,
    city: City,
    buyer: Actor,
    database: Database,
    name: str,
    variables: dict[str, Any],
    most: int,
) -> None:
    with statements(database) as sent:
        told = await ask(operation(name), {"at": city.point, **variables}, buyer)
    assert not told.errors
    assert len(sent) <= most


async def test_the_writing_operations_run_as_they_stand(
    ask: Asking, city: City, buyer: Actor, staff: Actor
) -> None:
    product = id_of(city.products[0])
    lines = {"at": city.point, "lines": [{"productId": product, "quantity": 2}]}
    place = {"label": "Home", "line": "Rua das Flores 1", "at": city.point}
    switch = {"storeId": id_of(city.near), "productId": product, "available": False}
    for name, given, actor in (
        ("cart_lines_set", lines, buyer),
        ("address_save", place, buyer),
        ("listing_set_availability", switch, staff),
    ):
        told = await ask(operation(name), {"input": given}, actor)
        assert not told.errors
        [payload] = told.data.values()
        assert payload["errors"] == []


async def test_a_customer_reads_the_own_address_book(ask: Asking, city: City, buyer: Actor) -> None:
    place = {"label": "Home", "line": "Rua das Flores 1", "at": city.point}
    await ask(operation("address_save"), {"input": place}, buyer)
    told = await ask("{ viewer { customer { addresses { label serviceable } } } }", {}, buyer)
    assert not told.errors
    assert told.data["viewer"]["customer"]["addresses"] == [{"label": "Home", "serviceable": True}]
