"""Names: unique public classes, nouns as module names, no identifier that the glossary replaces."""

import re
from collections import defaultdict
from collections.abc import Iterator

from tests.support.architecture.definitions import definitions
from tests.support.paths import ROOT

PACKAGES = (
    "attack", "database", "dataloaders", "execution", "gateways", "jobs", "local", "migrations",
    "models", "resolvers", "schema", "seed", "server", "services", "simulators", "subscriptions",
    "workflows",
)  # fmt: skip
MODULES = sorted(
    path
    for package in PACKAGES
    for path in (ROOT / package).rglob("*.py")
    if "versions" not in path.parts
)
# Participles that were used as module names; a module is named after the things it contains.
PARTICIPLES = frozenset({
    "answered", "asked", "asking", "begun", "bought", "buying", "changed", "chosen", "claimed",
    "counted", "covered", "delivered", "derived", "entered", "found", "flushing", "given",
    "granted", "heard", "held", "kept", "keeping", "listed", "listening", "loading", "made",
    "merged", "merging", "named", "noted", "opened", "ordered", "paid", "picked", "placed",
    "planned", "played", "priced", "promised", "reading", "recorded", "refused", "rejected",
    "remembered", "reported", "running", "said", "scoped", "searched", "seen", "sent", "settled",
    "settling", "shelved", "shown", "signed", "sold", "spoken", "started", "stored",
    "substituted", "taken", "taking", "told", "told_of", "turned", "waiting", "wanted", "working",
    "writing", "written",
})  # fmt: skip
NOUNS_IN_ED = frozenset({"feed", "need", "seed", "speed"})
GLOSSARY = ROOT / "docs" / "glossary.md"
COLUMNS = ["term", "meaning", "where", "instead of"]
IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def table_rows(text: str) -> Iterator[list[str]]:
    """Yield the cells of each row of the Markdown tables in a text, without separator rows."""
    for line in text.splitlines():
        if line.startswith("|") and not set(line) <= set("|-: "):
            yield [cell.strip() for cell in line.strip().strip("|").split("|")]


def replaced_terms(text: str) -> dict[str, str]:
    """Return the glossary's term by each identifier that it replaces."""
    terms: dict[str, str] = {}
    for row in table_rows(text):
        assert len(row) == len(COLUMNS), f"a row needs the cells {COLUMNS}: {row}"
        if [cell.lower() for cell in row] == COLUMNS:
            continue
        term, _, _, instead_of = row
        for entry in re.split(r"[,;]", instead_of):
            word = entry.strip().strip("`").removesuffix("()")
            if IDENTIFIER.fullmatch(word):
                terms[word] = term.strip("`")
    return terms


def test_public_class_names_are_unique() -> None:
    locations: defaultdict[str, list[str]] = defaultdict(list)
    for path in MODULES:
        for each in definitions(path):
            if each.kind == "class" and each.top_level and not each.name.startswith("_"):
                locations[each.name].append(f"{path.relative_to(ROOT)}:{each.line}")
    duplicates = [
        f"{name}: {', '.join(places)}"
        for name, places in sorted(locations.items())
        if len(places) > 1
    ]
    assert not duplicates, "give each class a name of its own, such as one with its domain:\n" + (
        "\n".join(duplicates)
    )


def is_participle(name: str) -> bool:
    """Tell whether the name of a module or folder ends with a participle: `http_rejected`."""
    last_word = name.rpartition("_")[2]
    return name in PARTICIPLES or (last_word.endswith("ed") and last_word not in NOUNS_IN_ED)


def test_no_module_and_no_folder_is_named_by_a_participle() -> None:
    modules = [
        str(path.relative_to(ROOT))
        for path in MODULES
        if is_participle(path.stem) or is_participle(path.parent.name)
    ]
    assert not modules, "name these modules after what they contain"


def test_no_identifier_is_a_term_that_the_glossary_replaces() -> None:
    assert GLOSSARY.is_file(), f"{GLOSSARY.relative_to(ROOT)} is missing: {' | '.join(COLUMNS)}"
    terms = replaced_terms(GLOSSARY.read_text())
    assert terms, "the glossary replaces no identifier: is its table complete?"
    replaced = [
        f"{path.relative_to(ROOT)}:{line}: {kind} {name}, the glossary says {terms[name]}"
        for path in MODULES
        for kind, name, line in [
            ("module", path.parent.name if path.stem == "__init__" else path.stem, 1),
            *(each[:3] for each in definitions(path)),
        ]
        if name in terms
    ]
    assert not replaced, "\n".join(replaced)


def test_the_glossary_reader_finds_replaced_identifiers() -> None:
    table = """| term | meaning | where | instead of |
|---|---|---|---|
| `DomainError` | A refused command. | services/core | `Refused`, `no()` |
| store | A dark store. | models | the shop window |
"""
    assert replaced_terms(table) == {"Refused": "DomainError", "no": "DomainError"}
