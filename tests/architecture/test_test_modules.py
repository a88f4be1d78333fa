"""Modules of tests are imported by tests alone: what others share is in tests/support."""

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.support.architecture.source_trees import parse_source
from tests.support.paths import ROOT

FOLDERS = [one for one in ROOT.iterdir() if one.is_dir() and not one.name.startswith(".")]
OUTSIDE = sorted(
    path for folder in FOLDERS if folder.name != "tests" for path in folder.rglob("*.py")
)
SUPPORT = sorted((ROOT / "tests" / "support").rglob("*.py"))


def imported_modules(path: Path) -> Iterator[str]:
    source = path.read_text()
    if "tests" not in source:
        return  # to parse all sources takes seconds
    for node in ast.walk(parse_source(source)):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def imports_of_tests(paths: list[Path]) -> list[str]:
    """Where a module of tests, or a conftest, is imported."""
    return [
        f"{path.relative_to(ROOT)}: {name}"
        for path in paths
        for name in imported_modules(path)
        if name.startswith("tests.") and not name.startswith("tests.support.")
    ]


def test_the_other_packages_import_no_module_of_tests() -> None:
    """`attack` and `benchmarks` took documents and lists from modules of tests.

    Who moved a test broke a target that no test of that folder runs.
    """
    assert not imports_of_tests(OUTSIDE)


def test_shared_code_imports_no_module_of_tests() -> None:
    """Else who imports shared code would import a module of tests after all."""
    assert not imports_of_tests(SUPPORT)


def test_an_import_of_a_module_of_tests_is_found(tmp_path: Path) -> None:
    """Whether it names the module, something in it, or its package."""
    for line in ("import tests.conftest", "from tests.schema import conftest"):
        module = tmp_path / "module.py"
        module.write_text(line)
        assert next(imported_modules(module)).startswith(("tests.conftest", "tests.schema."))
