"""docs/limits.md shows clients the prices that are charged."""

import re
from typing import Any

from resolvers import prices
from schema.root import graph
from server.rate_limit.callers import CallerBucketSizes
from server.settings.declarations import BUDGET_PER_SECOND
from tests.support.paths import ROOT

DOCUMENT = (ROOT / "docs" / "limits.md").read_text()
ROW = re.compile(r"^\| .* \| ([\d,]+) \| `([A-Z_]+)(?:\.([\w.]+))?` \|$", re.MULTILINE)
NOT_UNITS = {"FREE_REQUEST_BYTES", "SIGNAL_BYTES_PER_UNIT", "UPLOAD_KILOBYTES_PER_UNIT"}


def price_list() -> dict[str, int]:
    """Every price by its name in the document."""
    listed: dict[str, int] = {}
    for name, value in vars(prices).items():
        if not name.isupper() or name.startswith("_") or name in NOT_UNITS:
            continue
        if isinstance(value, int):
            listed[name] = value
        else:
            listed |= {f"{name}.{key}": price for key, price in value.items()}
    return listed


def test_the_document_has_every_price() -> None:
    shown = {
        f"{name}.{key}" if key else name: int(units.replace(",", ""))
        for units, name, key in ROW.findall(DOCUMENT)
    }
    assert shown == price_list()


def test_the_document_has_the_budgets() -> None:
    sizes = CallerBucketSizes.of(BUDGET_PER_SECOND.read({}))
    shown = (sizes.person, sizes.address, sizes.app, sizes.company, sizes.ended, sizes.guests)
    for size in shown:
        assert f"| {size.refill_per_second:,g} | {size.capacity:,} |" in DOCUMENT


def test_every_field_of_the_price_list_is_one_of_the_graph() -> None:
    core: Any = graph._schema
    for name in prices.FIELDS:
        kind, field = name.split(".")
        assert field in core.type_map[kind].fields


def test_every_root_field_has_its_price() -> None:
    core = graph._schema
    for root in (core.query_type, core.mutation_type, core.subscription_type):
        assert root is not None
        for name, declared in root.fields.items():
            price = declared.extensions["strawberry-definition"].metadata["cost"]
            assert price == prices.field_price(root.name, name, root.name.lower())
