"""Parses source for tests that read code."""

import ast
import gc
from pathlib import Path


def syntax_tree(path: Path) -> ast.Module:
    """The syntax tree of a module."""
    return parse_source(path.read_text())


def parse_source(source: str) -> ast.Module:
    """The syntax tree of a text.

    Without garbage collection: Python before 3.11.8 fails with "AST constructor recursion depth
    mismatch" when a finalizer of an earlier test's object parses something, as traceback does.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        return ast.parse(source)
    finally:
        if enabled:
            gc.enable()
