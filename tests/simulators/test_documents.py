"""The simulated apps ask only for what the graph has: a renamed field shows here first."""

import importlib
import re
from typing import Any

import pytest
from graphql import parse, validate

from schema.root import graph

PARTS = ("device", "customer", "picker", "administrator", "rider", "agent")
CHAPTERS = ("reroute", "rules")
MODULES = [f"simulators.parts.{part}" for part in PARTS] + [
    f"simulators.demo.troubles.{chapter}" for chapter in CHAPTERS
]
STEPS = (
    "deliveryArriveAtStore",
    "deliveryPickUp",
    "deliveryArriveAtCustomer",
    "deliveryComplete",
    "deliveryCheckAge",
    "deliveryFail",
    "deliveryStartReturn",
    "deliveryReturn",
)


def documents() -> list[Any]:
    found = []
    for name_of_module in MODULES:
        module = importlib.import_module(name_of_module)
        for name, value in vars(module).items():
            if isinstance(value, str) and re.search(
                r"^(query|mutation|subscription)", value, re.MULTILINE
            ):
                found.append(pytest.param(value, id=f"{name_of_module}.{name}"))
    return found


def variants(document: str) -> list[str]:
    if "%(mutation)s" not in document:
        return [document]
    return [document % {"mutation": m, "operation": m[0].upper() + m[1:]} for m in STEPS]


@pytest.mark.parametrize("document", documents())
def test_a_document_of_an_app_is_valid(document: str) -> None:
    for one in variants(document):
        assert not validate(graph._schema, parse(one))
