"""Parses source for tests that read code."""

import ast
import gc
from pathlib import Path


def syntax_tree(path: Path) -> ast.Module:
    """The syntax tree of a module.

    Without garbage collection: Python before 3.11.8 fails with "AST constructor recursion depth
    mismatch" when a finalizer of an earlier test's object parses something, as traceback does.
    """
    source = path.read_text()
    enabled = gc.isenabled()
    gc.disable()
    try:
        return ast.parse(source)
    finally:
        if enabled:
            gc.enable()
