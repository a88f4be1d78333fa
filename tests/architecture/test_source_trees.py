"""Reading the code works whatever earlier tests have left to the garbage collector."""

import ast
from pathlib import Path

from tests.support.architecture.source_trees import syntax_tree


class Parsing:
    """An object in a cycle, whose finalizer parses something, as that of a traceback does."""

    def __init__(self) -> None:
        self.itself = self

    def __del__(self) -> None:
        ast.parse("if a:\n    b = 1")


def test_a_finalizer_that_parses_does_not_spoil_a_tree() -> None:
    """Tests of this folder failed with "AST constructor recursion depth mismatch" now and then."""
    for _ in range(20):
        for _ in range(50):
            Parsing()
        assert syntax_tree(Path(__file__)).body
