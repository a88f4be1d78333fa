"""What the tests of the code's rules read from source files: each file is parsed once."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from tests.support.architecture.source_trees import syntax_tree

AnyFunction = ast.FunctionDef | ast.AsyncFunctionDef


class Definition(NamedTuple):
    """A name that a source file defines."""

    kind: str
    """class, function or parameter."""
    name: str
    line: int
    lines: int = 1
    body_lines: int = 0
    """Of a function: lines from the first statement after the docstring to the last."""
    top_level: bool = False


@cache
def definitions(path: Path) -> tuple[Definition, ...]:
    """The classes, the functions and their parameters that a file defines."""
    tree = syntax_tree(path)
    return tuple(_definitions(tree))


def _definitions(tree: ast.Module) -> Iterator[Definition]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            yield Definition("class", node.name, node.lineno, top_level=node in tree.body)
        elif isinstance(node, AnyFunction):
            lines = (node.end_lineno or 0) - node.lineno + 1
            yield Definition("function", node.name, node.lineno, lines, _body_lines(node))
        elif isinstance(node, ast.arg):
            yield Definition("parameter", node.arg, node.lineno)


def _body_lines(node: AnyFunction) -> int:
    body = node.body[1:] if ast.get_docstring(node) is not None else node.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0
