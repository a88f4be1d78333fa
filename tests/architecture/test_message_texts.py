"""Texts for people: amounts are written as money."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from models.money import amount_text
from tests.support.architecture.source_trees import syntax_tree
from tests.support.paths import ROOT

FOLDERS = ("gateways", "jobs", "models", "resolvers", "server", "services", "subscriptions",
           "workflows")  # fmt: skip
AMOUNT_NAMES = ("_minor", "_MINOR")
PROGRAM_TEXTS = {
    "workflows/payments/settle_payment.py": "the idempotency key of a capture",
}
"""Modules with an amount in a text that only programs read."""


def texts(tree: ast.Module) -> Iterator[ast.JoinedStr | ast.Constant]:
    """The texts of a module, without docstrings and descriptions of the graph."""
    skipped: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr):
            skipped |= {id(one) for one in ast.walk(node) if isinstance(one, ast.Constant)}
        elif isinstance(node, ast.keyword) and node.arg == "description":
            skipped |= {id(one) for one in ast.walk(node)}
        elif isinstance(node, ast.JoinedStr | ast.Constant) and id(node) not in skipped:
            yield node


def raw_amounts(path: Path) -> Iterator[str]:
    """The lines of texts with an amount in minor units, or with the words for it."""
    for node in texts(syntax_tree(path)):
        if isinstance(node, ast.Constant):
            raw = isinstance(node.value, str) and "minor unit" in node.value
        else:
            values = [one.value for one in node.values if isinstance(one, ast.FormattedValue)]
            raw = any(ast.unparse(value).endswith(AMOUNT_NAMES) for value in values)
        if raw:
            yield f"{path.relative_to(ROOT)}:{node.lineno}"


def test_no_text_for_people_has_a_raw_amount() -> None:
    """A case said "34980 minor units of a delivered order are not paid"."""
    paths = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]
    found = [place for path in paths for place in raw_amounts(path)]
    assert {place.partition(":")[0] for place in found} == set(PROGRAM_TEXTS), found


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [(34_980, "EUR", "€349.80"), (34_980, "JPY", "¥34,980"), (34_980, "KWD", "KWD34.980")],
)
def test_an_amount_in_a_message_has_the_digits_of_its_currency(
    minor: int, currency: str, text: str
) -> None:
    """A hundred of the minor units of one currency are ten, or none, of another."""
    assert amount_text(minor, currency) == text
