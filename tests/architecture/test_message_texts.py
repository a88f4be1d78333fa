"""Texts for people: amounts, numbers, durations, plurals and constants as people write them.

Every text of the source is read that has values in a sentence. Errors of the program itself
(ValueError, RuntimeError, TypeError) and SQL are no such texts.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from database.base import Base, NamedEnum
from models.message_text import action_text, count_text, duration_text, number_text, words_text
from models.money import amount_text
from services.core.problems import range_problem
from tests.support.architecture.source_trees import syntax_tree
from tests.support.paths import ROOT

FOLDERS = ("gateways", "jobs", "models", "resolvers", "server", "services", "subscriptions",
           "workflows")  # fmt: skip
AMOUNT_NAMES = ("_minor", "_MINOR")
PROGRAM_TEXTS = {
    "workflows/payments/settle_payment.py": "the idempotency key of a capture",
}
"""Modules with an amount in a text that only programs read."""


def texts(tree: ast.Module) -> Iterator[ast.JoinedStr | ast.Constant]:
    """The texts of a module, without docstrings and descriptions of the graph."""
    skipped: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr):
            skipped |= {id(one) for one in ast.walk(node) if isinstance(one, ast.Constant)}
        elif isinstance(node, ast.keyword) and node.arg == "description":
            skipped |= {id(one) for one in ast.walk(node)}
        elif isinstance(node, ast.JoinedStr | ast.Constant) and id(node) not in skipped:
            yield node


def raw_amounts(path: Path) -> Iterator[str]:
    """The lines of texts with an amount in minor units, or with the words for it."""
    for node in texts(syntax_tree(path)):
        if isinstance(node, ast.Constant):
            raw = isinstance(node.value, str) and "minor unit" in node.value
        else:
            values = [one.value for one in node.values if isinstance(one, ast.FormattedValue)]
            raw = any(ast.unparse(value).endswith(AMOUNT_NAMES) for value in values)
        if raw:
            yield f"{path.relative_to(ROOT)}:{node.lineno}"


def test_no_text_for_people_has_a_raw_amount() -> None:
    """A case said "34980 minor units of a delivered order are not paid"."""
    paths = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]
    found = [place for path in paths for place in raw_amounts(path)]
    assert {place.partition(":")[0] for place in found} == set(PROGRAM_TEXTS), found


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [(34_980, "EUR", "€349.80"), (34_980, "JPY", "¥34,980"), (34_980, "KWD", "KWD34.980")],
)
def test_an_amount_in_a_message_has_the_digits_of_its_currency(
    minor: int, currency: str, text: str
) -> None:
    """A hundred of the minor units of one currency are ten, or none, of another."""
    assert amount_text(minor, currency) == text


SENTENCE_FOLDERS = (
    "gateways", "jobs", "resolvers", "server/auth", "server/endpoints", "server/rate_limit",
    "server/transport", "services", "subscriptions", "workflows",
)  # fmt: skip
NO_SENTENCES = {"gateways/pdf_documents.py", "services/stock/audit/stock_audit.py"}
"""PDFs have a table of their own, and the audit prints counters for operators."""
PROGRAM_ERRORS = {"ValueError", "RuntimeError", "TypeError"}
SQL = re.compile(r"\b(select|update|delete|where|interval|coalesce|between|query|is null|cast)\b")
PLURAL = re.compile(r" ([a-z]+ )?[a-z]{2,}[^s ]s\b")
NO_CONSTANTS = {
    "batch.code", "line.code", "order.code", "order.reason", "reply.status", "result.reason",
}  # fmt: skip
"""Codes, numbers and texts of the columns whose names others use for constants."""
NEVER_ONE = {"levels", "line.quantity", "newest.digits", "row.minimum_age", "shown"}
"""Limits and lengths that are more than one."""
SMALL_NUMBERS = {
    "code", "len(ring)", "levels", "line.quantity", "newest.digits", "number", "pieces", "place",
    "point", "polygon", "response.status_code", "ring", "row.minimum_age", "shown",
}  # fmt: skip
"""Counts that never reach a thousand, and numbers that count nothing."""
YEARS = {"FIRST_YEAR", "LAST_YEAR"}
NAMELESS = re.compile(
    r"(This|It|The value) (is|has) (from|at most|at least|between|negative)|(From|Between) "
)


@dataclass(frozen=True)
class Value:
    """A value in a sentence, and the text that follows it."""

    path: Path
    line: int
    node: ast.FormattedValue
    after: str

    @property
    def code(self) -> str:
        return ast.unparse(self.node.value)

    @property
    def name(self) -> str:
        return self.code.rpartition(".")[2]

    def __str__(self) -> str:
        return f"{self.path.relative_to(ROOT)}:{self.line} {{{self.code}}}"

    @property
    def is_written_by_function(self) -> bool:
        has_separators = self.node.format_spec is not None and "," in ast.unparse(
            self.node.format_spec
        )
        called = self.node.value.func if isinstance(self.node.value, ast.Call) else None
        return has_separators or (called is not None and ast.unparse(called).endswith("_text"))


@cache
def values_in_sentences() -> list[Value]:
    found: list[Value] = []
    for folder in SENTENCE_FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            if str(path.relative_to(ROOT)) not in NO_SENTENCES:
                found += values_of(path)
    return [one for one in found if not one.is_written_by_function]


def values_of(path: Path) -> Iterator[Value]:
    tree = syntax_tree(path)
    of_program = {
        id(one)
        for node in ast.walk(tree)
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call)
        if ast.unparse(node.exc.func) in PROGRAM_ERRORS
        for one in ast.walk(node)
    }
    for node in texts(tree):
        if not isinstance(node, ast.JoinedStr) or id(node) in of_program:
            continue
        words = "".join(str(one.value) for one in node.values if isinstance(one, ast.Constant))
        if not re.search(r"[a-z]['.,:]? |[a-z]\.$| [a-z]", words) or SQL.search(words):
            continue
        for one, following in zip(node.values, [*node.values[1:], None], strict=True):
            if isinstance(one, ast.FormattedValue):
                after = str(following.value) if isinstance(following, ast.Constant) else ""
                yield Value(path, node.lineno, one, after)


@cache
def annotated(path: Path, kinds: frozenset[str]) -> set[str]:
    """The names that a module annotates with one of these types."""
    found: set[str] = set()
    for node in ast.walk(syntax_tree(path)):
        if isinstance(node, ast.arg | ast.AnnAssign) and node.annotation is not None:
            target = node.arg if isinstance(node, ast.arg) else ast.unparse(node.target)
            if kinds & set(re.findall(r"\w+", ast.unparse(node.annotation))):
                found.add(target)
    return found


@cache
def columns_of(*kinds: type) -> set[str]:
    """The columns of all tables whose values are of one of these types."""
    columns = [column for table in Base.metadata.tables.values() for column in table.columns]
    return {one.name for one in columns if issubclass(one.type.python_type, kinds)}


@cache
def enum_names() -> frozenset[str]:
    pending, names = [NamedEnum], set()
    while pending:
        kind = pending.pop()
        names.add(kind.__name__)
        pending += kind.__subclasses__()
    return frozenset(names)


def is_number(value: Value) -> bool:
    """Whether a value is a count by its column, its annotation or its function."""
    if re.match(r"len\(|.*\.count\(", value.code):
        return True
    if "." in value.code:
        return value.name in columns_of(int)
    return value.code in annotated(value.path, frozenset({"int", "float"}))


def module_value(value: Value) -> Any:
    """What the code in a sentence is in its module; None if it is a local name."""
    module = import_module(".".join(value.path.relative_to(ROOT).with_suffix("").parts))
    try:
        return eval(value.code, vars(module))  # noqa: S307 - code of this repository
    except (NameError, AttributeError, TypeError):
        return None


def test_no_sentence_has_a_constant_of_the_graph() -> None:
    """People read "STAGE is not available to you while the fulfillment is STAGED." was written."""
    import_module("schema.root")
    columns = columns_of(NamedEnum)
    found = [
        str(one)
        for one in values_in_sentences()
        if ("." in one.code and one.name in columns and one.code not in NO_CONSTANTS)
        or one.code in annotated(one.path, enum_names())
        or isinstance(module_value(one), NamedEnum)
    ]
    assert not found


def test_large_numbers_in_sentences_have_separators() -> None:
    """Counts and limits said "from 0 to 1000000" and "costs 900287: at most 20000"."""
    import_module("schema.root")
    found = []
    for one in values_in_sentences():
        known = module_value(one)
        is_large = isinstance(known, int | float) and abs(known) >= 1000
        is_count = known is None and is_number(one)
        if (is_large or is_count) and one.code not in SMALL_NUMBERS | YEARS:
            found.append(str(one))
    assert not found


def test_a_count_in_a_sentence_has_the_form_of_its_noun() -> None:
    """People read "That is not the code: 1 tries are left." and "The line has 1 cells"."""
    found = []
    for one in values_in_sentences():
        known = module_value(one)
        is_count = known is None and is_number(one) and one.code not in NEVER_ONE
        if is_count and PLURAL.match(one.after):
            found.append(f"{one}{one.after[:20]}")
    assert not found


def test_a_duration_in_a_sentence_is_in_words() -> None:
    """People read "It takes up to 492 seconds" and "try again in 90 s." were said to people."""
    found = [str(one) for one in values_in_sentences()
             if re.match(r" (more )?(seconds?|s|minutes?|hours?)\b", one.after)]  # fmt: skip
    assert not found


def test_a_limit_in_a_sentence_has_the_name_of_its_field() -> None:
    """People read "This is from 0 to 360.": a client may not ask for the path."""
    found = []
    for folder in SENTENCE_FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            for node in texts(syntax_tree(path)):
                first = node.values[0] if isinstance(node, ast.JoinedStr) else node
                text = first.value if isinstance(first, ast.Constant) else ""
                if isinstance(text, str) and NAMELESS.match(text):
                    found.append(f"{path.relative_to(ROOT)}:{node.lineno} {text}")
    assert not found
    assert range_problem(["input", "points", "3", "headingDegrees"], 0, 360.0).message == (
        "headingDegrees is from 0 to 360."
    )


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(480, "8 minutes"), (492, "8 minutes 12 seconds"), (1, "1 second"), (0, "0 seconds"),
     (5400, "1 hour 30 minutes"), (604_800, "7 days"), (0.25, "0.25 seconds")],
)  # fmt: skip
def test_durations_are_written_in_words(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text


def test_numbers_counts_and_constants_are_written_as_words() -> None:
    assert number_text(1_000_000) == "1,000,000"
    assert (count_text(1, "try", "tries"), count_text(0, "try", "tries")) == ("1 try", "0 tries")
    assert (words_text("EN_ROUTE_TO_STORE"), action_text("PICK_UP")) == (
        "en route to store",
        '"Pick up"',
    )
