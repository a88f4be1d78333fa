"""Decision records have one number each, in one row, and the same parts."""

import re
from pathlib import Path

import pytest

from tests.support.paths import ROOT

RECORDS = sorted((ROOT / "docs" / "decisions").glob("*.md"))
PARTS = {"Context", "Options", "Decision", "Consequences"}
DATED = re.compile(
    r"^Date: \d{4}-\d\d-\d\d\. Status: (accepted|proposed|superseded)\b", re.MULTILINE
)


def test_the_numbers_have_no_gap_and_are_used_once() -> None:
    """Two records that were written at the same time once had the same number."""
    numbers = [int(record.name[:4]) for record in RECORDS]
    assert numbers == list(range(1, len(RECORDS) + 1))


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.stem)
def test_a_record_follows_the_template(record: Path) -> None:
    text = record.read_text()
    assert text.startswith(f"# {int(record.name[:4])}. ")
    assert DATED.search(text)
    assert set(re.findall(r"^## (.+)$", text, re.MULTILINE)) >= PARTS
