"""docs/invariants.md names places and tests: each exists, and the rules of the walk are there."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.support.paths import ROOT
from tests.support.walk.places import find
from tests.support.walk.rules import RULES

TEXT = (ROOT / "docs" / "invariants.md").read_text()
ROW = re.compile(r"^\| ([^|]+) \| `([\w.]+)` \| `([\w./]+)` \|$", re.MULTILINE)
TABLE = ROW.findall(TEXT)
SPANS = sorted(set(re.findall(r"`([^`\n]+)`", TEXT)))
NAME = re.compile(r"^(\w+)\.(\w+)$")
PACKAGES = ("jobs", "models", "resolvers", "schema", "server", "services", "subscriptions",
            "workflows", "gateways", "tests")  # fmt: skip


@cache
def files() -> tuple[Path, ...]:
    return tuple(file for name in PACKAGES for file in (ROOT / name).rglob("*.py"))


@cache
def source(file: Path) -> str:
    """The text of a module: each is searched for many names."""
    return file.read_text()


def defines(file: Path, name: str) -> bool:
    pattern = rf"^(?:async )?(?:def|class) {name}\b|^{name}\b"
    return re.search(pattern, source(file), re.MULTILINE) is not None


def named_files() -> Iterator[str]:
    yield from (span for span in SPANS if re.fullmatch(r"[\w/]+\.py|tests/[\w/]+", span))


@pytest.mark.parametrize("place", sorted({place for _, place, _ in TABLE}))
def test_the_place_of_a_rule_exists(place: str) -> None:
    assert find(place) is not None


@pytest.mark.parametrize("name", sorted({*named_files(), *(test for _, _, test in TABLE)}))
def test_a_file_that_is_named_exists(name: str) -> None:
    """A path from the root, or the name of one file."""
    if "/" in name:
        assert (ROOT / name).exists()
    else:
        assert [file for file in files() if file.name == name]


@pytest.mark.parametrize("name", [span for span in SPANS if NAME.match(span)])
def test_a_function_that_is_named_exists(name: str) -> None:
    """`refunds.refundable_minor`: its module defines it, its class has it, or it is a job."""
    if name.endswith(".py"):
        return
    owner, _, member = name.partition(".")
    if owner[0].isupper():
        classes = [file for file in files() if defines(file, f"{owner}(?:Type)?")]
        assert any(re.search(rf"\b{member}\b", source(file)) for file in classes)
        return
    is_job = f'"{name}"' in (ROOT / "jobs" / "schedule.py").read_text()
    assert is_job or any(defines(file, member) for file in files() if file.stem == owner)


@pytest.mark.parametrize("name", [span for span in SPANS if re.fullmatch(r"test_\w+", span)])
def test_a_test_that_is_named_exists(name: str) -> None:
    assert any(defines(file, name) for file in files() if file.name.startswith("test_"))


def test_every_rule_of_the_walk_is_in_the_table() -> None:
    assert {rule.place for rule in RULES} <= {place for _, place, _ in TABLE}


SECTIONS = dict(
    section.split("\n", 1) for section in re.split(r"^## ", TEXT, flags=re.MULTILINE)[1:]
)


@pytest.mark.parametrize("title", SECTIONS)
def test_each_section_names_the_test_of_a_row(title: str) -> None:
    """A section without a row says what must hold, and not which one place sees to it."""
    named = re.findall(r"`([^`\n]+)`", SECTIONS[title])
    tests = {test for _, _, test in TABLE}
    assert [
        test for test in tests for name in named if test == name or test.endswith(f"/{name}")
    ] != []


def test_each_section_stands_alone() -> None:
    """Merges left sections without an empty line before them, and sections with one title twice."""
    lines = TEXT.splitlines()
    heads = [at for at, line in enumerate(lines) if line.startswith("## ")]
    assert [lines[at] for at in heads if lines[at - 1] or lines[at + 1]] == []
    titles = [lines[at] for at in heads]
    assert len(set(titles)) == len(titles)
