"""Reading the code works whatever earlier tests have left to the garbage collector."""

import ast
from collections.abc import Iterator
from pathlib import Path

from database.base import NamedEnum
from resolvers.enums import value_descriptions
from tests.support.architecture.source_trees import parse_source, syntax_tree
from tests.support.paths import ROOT

PARSERS = frozenset({"parse", "literal_eval", "getsource", "getsourcelines", "findsource"})
ALLOWED = frozenset(
    {"tests/support/architecture/source_trees.py", "tests/architecture/test_source_trees.py"}
)
"""The one place that parses, and this module, whose finalizers spoil it."""


class Parsing:
    """An object in a cycle, whose finalizer parses something, as that of a traceback does."""

    def __init__(self) -> None:
        self.itself = self

    def __del__(self) -> None:
        ast.parse("if a:\n    b = 1")


def leave_finalizers() -> None:
    for _ in range(50):
        Parsing()


def test_a_finalizer_that_parses_does_not_spoil_a_tree() -> None:
    """Tests of this folder failed with "AST constructor recursion depth mismatch" now and then."""
    for _ in range(20):
        leave_finalizers()
        assert syntax_tree(Path(__file__)).body


def test_a_finalizer_that_parses_does_not_spoil_the_descriptions_of_enums() -> None:
    """A server that began while something was collected could end with the same error."""
    for enum in NamedEnum.__subclasses__():
        leave_finalizers()
        value_descriptions.cache_clear()
        described = value_descriptions(enum)
        if enum.__module__.startswith("models."):
            assert set(described) <= set(enum.__members__), enum


def test_nothing_else_parses_source() -> None:
    """Reading enums and the texts of messages had parsers of their own, without that protection."""
    folders = [path for path in ROOT.iterdir() if path.is_dir() and path.name[0] != "."]
    paths = [path for folder in folders for path in folder.rglob("*.py")]
    found = {str(path.relative_to(ROOT)) for path in paths if any(parsers_of(path))}
    assert found == ALLOWED


def parsers_of(path: Path) -> Iterator[str]:
    """The parsers that a module calls; to parse the modules that name no parser takes seconds."""
    source = path.read_text()
    if any(name in source for name in PARSERS):
        yield from parsers(parse_source(source))


def parsers(tree: ast.Module) -> Iterator[str]:
    """The names of functions of `ast` and `inspect` that parse source, as a module calls them."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if node.value.id in {"ast", "inspect"} and node.attr in PARSERS:
                yield node.attr
        elif isinstance(node, ast.ImportFrom) and node.module in {"ast", "inspect"}:
            yield from PARSERS & {alias.name for alias in node.names}
