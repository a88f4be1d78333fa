"""Private parts of libraries are used by the modules that this table names, and by no other.

What is private may change with any upgrade, so each library's is kept in few modules, which a test
checks against the installed version.
"""

import ast
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support.architecture.source_trees import syntax_tree
from tests.support.paths import ROOT

FOLDERS = (
    "benchmarks", "database", "dataloaders", "execution", "gateways", "jobs", "local", "models",
    "resolvers", "schema", "seed", "server", "services", "simulators", "subscriptions", "workflows",
)  # fmt: skip
PRIVATE = re.compile(r"_[a-z]\w*")
# Underscored for want of other names, but documented: of named tuples and of SQLAlchemy's rows.
DOCUMENTED = frozenset({"_asdict", "_fields", "_make", "_mapping", "_replace"})
ACCESSORS = frozenset({"attrgetter", "getattr", "hasattr", "methodcaller", "setattr"})


@dataclass(frozen=True)
class LibraryInternals:
    """Which modules (a path pattern) may use which private names of a library."""

    library: str
    modules: str
    names: str
    """A pattern of attributes, keyword arguments and names."""
    imports: str = "$^"
    """A pattern of modules that hold private parts."""


TABLE = [
    LibraryInternals(
        "SQLAlchemy",
        r"database/sqlalchemy_internals\.py",
        r"_\w+",
        r"sqlalchemy\.sql\.(compiler|cache_key)|sqlalchemy\.orm\.(identity|state|base)",
    ),
    LibraryInternals(
        "Strawberry",
        r"execution/.*|resolvers/.*|schema/.*|server/graphql_engine\.py",
        r"_schema|_raw_info|_field",
    ),
    LibraryInternals(
        "broadcaster", r"subscriptions/engine/broadcaster\.py", r"_backend|_listener(_task)?"
    ),
    LibraryInternals("Stripe", r"gateways/payments/stripe_adapter\.py", r"_handle_request_error"),
    LibraryInternals(
        "uvicorn", r"server/transport/uvicorn_internals/.*", r"_\w+", r"uvicorn\.protocols(\..*)?"
    ),
]
SOURCES = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]


class SourceUses(NamedTuple):
    """What one source defines and uses; names of uses have their lines."""

    own: set[str]
    privates: list[tuple[int, str, bool]]
    """Private parts, and whether each is one of `self` or `cls`."""
    imports: list[tuple[int, str]]


@cache
def uses() -> dict[Path, tuple[list[tuple[int, str]], list[tuple[int, str]]]]:
    """The private parts that each source uses, and the modules that it imports, with lines."""
    read = {path: source_uses(syntax_tree(path)) for path in SOURCES}
    own = frozenset[str]().union(*(each.own for each in read.values()))
    found = {}
    for path, each in read.items():
        foreign = [(line, name) for line, name, ours in each.privates if not (ours and name in own)]
        found[path] = foreign, each.imports
    return found


def source_uses(tree: ast.AST) -> SourceUses:
    """Read one source, each node once: the trees of all sources take seconds to walk."""
    found = SourceUses(set(), [], [])
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.own.add(node.name)
        elif isinstance(node, ast.Attribute | ast.Name) and isinstance(node.ctx, ast.Store):
            found.own.add(node.attr if isinstance(node, ast.Attribute) else node.id)
        names = private_names(node)
        if names:
            of_self = isinstance(node, ast.Attribute) and _is_self(node.value)
            line = getattr(node, "lineno", 0)
            found.privates.extend((line, name, of_self) for name in names)
        if isinstance(node, ast.ImportFrom):
            found.imports.append((node.lineno, node.module or ""))
        elif isinstance(node, ast.Import):
            found.imports.extend((node.lineno, one.name) for one in node.names)
    return found


def private_names(node: ast.AST) -> list[str]:
    """The private names that a node reads, calls with, or imports."""
    names: list[str] = []
    if isinstance(node, ast.Attribute):
        names = [node.attr]
    elif isinstance(node, ast.Call):
        names = [one.arg for one in node.keywords if one.arg]
        if isinstance(node.func, ast.Name) and node.func.id in ACCESSORS:
            texts = [one.value for one in node.args if isinstance(one, ast.Constant)]
            names += [part for one in texts if isinstance(one, str) for part in one.split(".")]
    elif isinstance(node, ast.ImportFrom):
        names = [one.name for one in node.names]
    return [name for name in names if PRIVATE.fullmatch(name) and name not in DOCUMENTED]


def _is_self(node: ast.AST) -> bool:
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Name) and node.func.id == "super"
    return isinstance(node, ast.Name) and node.id in {"self", "cls"}


def test_private_parts_of_libraries_are_used_where_the_table_says() -> None:
    misplaced: list[str] = []
    for path, (privates, imports) in uses().items():
        module = _module(path)
        allowed = [one for one in TABLE if re.fullmatch(one.modules, module)]
        for line, name in privates:
            if not any(re.fullmatch(one.names, name) for one in allowed):
                misplaced.append(f"{module}:{line} {name}")
        for line, imported in imports:
            if any(re.fullmatch(one.imports, imported) for one in TABLE if one not in allowed):
                misplaced.append(f"{module}:{line} {imported}")
    assert not misplaced


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.library)
def test_every_row_of_the_table_is_needed(row: LibraryInternals) -> None:
    used = [
        name
        for path, (privates, _) in uses().items()
        if re.fullmatch(row.modules, _module(path))
        for _, name in privates
        if re.fullmatch(row.names, name)
    ]
    assert used


def _module(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()
