"""Rules of the code that a machine can check: sizes, names, silenced checks, dependencies."""

import importlib.metadata
import re
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from tests.support.architecture.definitions import definitions
from tests.support.paths import ROOT

FILE_LINES = 300
FUNCTION_LINES = 40
RESOLVER_LINES = 10
# Modules of resolvers/ that other resolvers use: they hold no resolver of a field.
SHARED_BY_RESOLVERS = frozenset(
    {"context", "enums", "mutations", "rules", "scopes", "webhook_payloads"}
)
FOLDER_MODULES = 20
DOMAIN_PACKAGES = frozenset(
    {
        "models",
        "services",
        "workflows",
        "dataloaders",
        "resolvers",
        "schema",
        "subscriptions",
        "jobs",
    }
)
PACKAGES = frozenset(path.name for path in ROOT.iterdir() if path.is_dir() and path.name[0] != ".")
BANNED = re.compile(r"(?:^|_)(manager|helpers?|utils?|misc|common|impl)(?:_|$)")
# A store's manager is a person of the trade, not a class that manages.
TRADE = frozenset({"manager", "store_manager", "managers"})
SILENCED = re.compile(r"#\s*(type:\s*ignore|noqa)(?P<rest>[^#]*)(?P<more>#.*)?$")
CODE = re.compile(r"^(\[[a-z-]+(, ?[a-z-]+)*\]|:\s*[A-Z]+[0-9]+(, ?[A-Z]+[0-9]+)*)")
REASON = re.compile(r"[A-Za-z]{2,}")
TEXTS = ("*.py", "*.toml", "*.ini", "*.in", "*.txt", "*.md", "*.json", "*.graphql", "*.mjs")
ADDRESS = re.compile(r"https?://|file:|--(extra-)?index-url|--find-links|--trusted-host")


def tracked(*patterns: str) -> list[Path]:
    """Every file of ours, whether committed or about to be."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [path for line in sorted(set(said.splitlines())) if (path := ROOT / line).is_file()]


SOURCES = [path for path in tracked("*.py") if "versions" not in path.parts]


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_no_file_is_longer_than_300_lines() -> None:
    lengths = {name(path): len(path.read_text().splitlines()) for path in SOURCES}
    assert not {path: lines for path, lines in lengths.items() if lines > FILE_LINES}


def test_no_folder_has_more_than_20_modules() -> None:
    """The top folder of a package by domains holds an entry per domain and a few basics."""
    folders = Counter(
        str(path.parent.relative_to(ROOT))
        for path in SOURCES
        if path.name not in {"__init__.py", "conftest.py"}
    )
    assert not {
        folder: modules
        for folder, modules in folders.items()
        if modules > FOLDER_MODULES and folder not in DOMAIN_PACKAGES
    }


def test_no_function_is_longer_than_40_lines() -> None:
    long = [
        f"{name(path)}:{each.line} {each.name}: {each.lines}"
        for path in SOURCES
        for each in definitions(path)
        if each.lines > FUNCTION_LINES
    ]
    assert not long


def test_no_resolver_is_longer_than_10_lines() -> None:
    long = [
        f"{name(path)}:{each.line} {each.name}: {each.body_lines}"
        for path in SOURCES
        if path.relative_to(ROOT).parts[0] == "resolvers" and path.stem not in SHARED_BY_RESOLVERS
        for each in definitions(path)
        if each.body_lines > RESOLVER_LINES
    ]
    assert not long


def test_nothing_is_named_manager_helper_or_utils() -> None:
    named = []
    for path in SOURCES:
        spoken = [(0, path.stem)] + [
            (each.line, re.sub(r"(?<=[a-z])(?=[A-Z])", "_", each.name).lower())
            for each in definitions(path)
            if each.kind != "parameter" and not path.is_relative_to(ROOT / "tests")
        ]
        named += [
            f"{name(path)}:{line} {word}"
            for line, word in spoken
            if BANNED.search(word) and word not in TRADE
        ]
    assert not named


def test_whoever_silences_a_check_names_it_and_says_why() -> None:
    silent = []
    for path in SOURCES:
        if path == Path(__file__):
            continue
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if (found := SILENCED.search(line)) is None:
                continue
            code = CODE.match(found["rest"].strip())
            why = found["rest"].strip()[code.end() :] + (found["more"] or "") if code else ""
            if not REASON.search(why):
                silent.append(f"{name(path)}:{number}")
    assert not silent


def test_nothing_is_left_to_do_in_the_sources() -> None:
    words = re.compile(r"\b(T[O]DO|F[I]XME|X[X]X|H[A]CK)\b")
    left = [
        f"{name(path)}:{number}"
        for path in SOURCES
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if words.search(line)
    ]
    assert not left


def test_no_dependency_installs_a_module_named_like_a_package_of_ours() -> None:
    installed = set(importlib.metadata.packages_distributions())
    assert not installed & PACKAGES


@pytest.mark.parametrize("lock", ["run.txt", "dev.txt"])
def test_a_lock_holds_hashes_and_no_addresses(lock: str) -> None:
    text = (ROOT / "requirements" / lock).read_text()
    assert not ADDRESS.search(text)
    pins = [line for line in text.splitlines() if line and not line.startswith((" ", "#"))]
    assert pins
    assert all("==" in line for line in pins)
    assert text.count("--hash=sha256:") >= len(pins)


def test_what_runs_is_pinned_to_the_same_versions_as_what_is_tested() -> None:
    pins = re.compile(r"^[a-z0-9-]+==\S+", re.MULTILINE)
    run, dev = (
        set(pins.findall((ROOT / "requirements" / lock).read_text()))
        for lock in ("run.txt", "dev.txt")
    )
    assert run <= dev


def test_no_file_tells_where_it_was_written() -> None:
    """Folders of one machine and addresses of one registry are nobody else's business."""
    places = re.compile(
        r"(?<!\w)/(work|root)/|/home/[a-z]|registry\.npmjs|pypi\.org|/opt/pypi|/opt/wheels"
    )
    told = []
    for path in tracked(*TEXTS, "Makefile", ".ci/*"):
        if path == Path(__file__):
            continue
        text = path.read_text(errors="replace")
        told += [f"{name(path)}: {found[0]}" for found in places.finditer(text)]
    assert not told
