"""Only `services/stock/stock_writer.py` writes stock: counters, ledger rows and new stock rows."""

import ast
import re
from pathlib import Path

from tests.support.architecture.source_trees import parse_source, syntax_tree
from tests.support.paths import ROOT

WRITER = ROOT / "services" / "stock" / "stock_writer.py"
PACKAGES = ("services", "workflows", "jobs")
COUNTERS = frozenset({"on_hand", "reserved", "unsellable", "incoming"})
MODELS = frozenset({"StockLevel", "StockMovement"})
STATEMENTS = frozenset({"insert", "update", "delete"})
# Variables whose counters are not those of the stock: lines of transfers, arrivals of their lots.
OTHERS = frozenset({"line", "arrival"})
SQL = re.compile(r"\b(update|insert\s+into|delete\s+from)\s+(stock|stock_entry)\b", re.IGNORECASE)


def modules() -> list[Path]:
    return [path for name in PACKAGES for path in sorted((ROOT / name).rglob("*.py"))]


def writes(tree: ast.AST) -> list[tuple[int, str]]:
    """The line and the kind of each write of stock, whether by the ORM or by SQL text."""
    found: list[tuple[int, str]] = []
    for node in ast.walk(tree):
        match node:
            case ast.Assign(targets=targets):
                found += [(node.lineno, f".{name} =") for name in counters(targets)]
            case ast.AugAssign(target=target) | ast.AnnAssign(target=target):
                found += [(node.lineno, f".{name} +=") for name in counters([target])]
            case ast.Call(func=ast.Name(id=name), args=arguments):
                if name in MODELS or (name in STATEMENTS and of_stock(arguments)):
                    found.append((node.lineno, f"{name}()"))
            case ast.Constant(value=str(text)):
                found += [(node.lineno, match[0]) for match in SQL.finditer(text)]
    return found


def counters(targets: list[ast.expr]) -> list[str]:
    """The stock counters among these targets."""
    attributes = [
        node
        for target in targets
        for node in ast.walk(target)
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
    ]
    return [node.attr for node in attributes if node.attr in COUNTERS and not of_other(node)]


def of_other(node: ast.Attribute) -> bool:
    owner = node.value
    name = owner.attr if isinstance(owner, ast.Attribute) else getattr(owner, "id", "")
    return name in OTHERS


def of_stock(arguments: list[ast.expr]) -> bool:
    return any(isinstance(node, ast.Name) and node.id in MODELS for node in arguments)


def test_only_the_stock_writer_writes_stock() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line} {kind}"
        for path in modules()
        if path != WRITER
        for line, kind in writes(syntax_tree(path))
    ]
    assert not found


def test_the_check_sees_every_kind_of_write() -> None:
    kinds = {kind for _, kind in writes(syntax_tree(WRITER))}
    assert {".on_hand +=", ".unsellable +=", ".incoming +=", "StockMovement()"} <= kinds
    assert {"update stock", "insert into stock", "insert into stock_entry"} <= kinds
    for statement in (
        "row.reserved = 1",
        "update(StockLevel)",
        "insert(StockMovement)",
        "a, row.on_hand = b",
    ):
        assert writes(parse_source(statement)), statement
    for statement in ("line.damaged += 1", "update(StockBatch)", "'select * from stock'"):
        assert not writes(parse_source(statement)), statement
