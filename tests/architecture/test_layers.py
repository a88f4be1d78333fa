"""The layer of services: it works in a transaction of its caller and calls no third party."""

import ast
import importlib
import inspect
from collections.abc import Iterator
from dataclasses import is_dataclass
from enum import Enum
from pathlib import Path

from database.sessions import Database
from tests.support.architecture.source_trees import syntax_tree
from tests.support.paths import ROOT

MODULES = sorted((ROOT / "services").rglob("*.py"))
TRANSACTION_METHODS = frozenset({"commit", "rollback"})


def imported_names(path: Path) -> Iterator[tuple[str, str]]:
    """Each import of a module as (module, name); the name is empty for `import module`."""
    for node in ast.walk(syntax_tree(path)):
        if isinstance(node, ast.ImportFrom):
            yield from ((node.module or "", alias.name) for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)


def is_value_type(module: str, name: str) -> bool:
    """Whether a name is a dataclass or an enum: data without a connection."""
    value = getattr(importlib.import_module(module), name, None)
    return inspect.isclass(value) and (is_dataclass(value) or issubclass(value, Enum))


def test_services_take_no_database_handle() -> None:
    """A service gets a session: its caller, a workflow or a resolver, opens and commits it."""
    imports = [
        f"{path.relative_to(ROOT)}: {module}"
        for path in MODULES
        for module, _ in imported_names(path)
        if module == Database.__module__
    ]
    assert not imports


def test_services_end_no_transaction() -> None:
    calls = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in MODULES
        for node in ast.walk(syntax_tree(path))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in TRANSACTION_METHODS
    ]
    assert not calls


def test_services_use_only_value_types_of_gateways() -> None:
    """Workflows call gateways; services only read what was answered, or build what is sent."""
    others = [
        f"{path.relative_to(ROOT)}: {module}.{name}"
        for path in MODULES
        for module, name in imported_names(path)
        if module.split(".")[0] == "gateways" and not is_value_type(module, name)
    ]
    assert not others
