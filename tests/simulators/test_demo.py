"""The demo's transcripts: what is compared, and that every chapter has one."""

import re
from pathlib import Path

import pytest

from simulators.demo.chapters import (
    EXPECTED,
    TROUBLES,
    read_transcripts,
    write_transcripts,
)
from simulators.demo.checks import UnexpectedResult, expect_transcript
from simulators.demo.session import NEEDED, read_settings
from simulators.demo.transcript import Transcript
from tests.support.paths import ROOT


def test_every_chapter_has_an_expected_transcript() -> None:
    transcripts = read_transcripts(EXPECTED)
    assert [*transcripts] == [chapter.title for chapter in TROUBLES]
    assert all(transcripts.values())


def test_a_transcript_is_equal_in_each_run() -> None:
    """Times differ from run to run, and so do the codes of orders: neither is compared."""
    played = []
    for code in ("CPC4H3GN", "4BN4A25G"):
        script = Transcript()
        script.heading("A chapter")
        script.mask(code, "ORDER")
        with script.does("picker", f"accepts {code}") as came:
            came.append("ACCEPTED")
        script.says("customer", "sees FULFILLMENT_ACCEPTED")
        played.append(script.lines)
    assert played[0] == played[1]
    assert played[0][0] == "picker    accepts ORDER → ACCEPTED"


def test_a_difference_fails_and_is_shown() -> None:
    with pytest.raises(UnexpectedResult) as caught:
        expect_transcript("A chapter", ["a", "c"], ["a", "b"])
    assert "-b" in str(caught.value)
    assert "+c" in str(caught.value)
    expect_transcript("A chapter", ["a"], ["a"])


def test_a_saved_transcript_is_read_again(tmp_path: Path) -> None:
    transcripts = {"One": ["picker    packs", "rider     rings"], "Two": ["agent     answers"]}
    write_transcripts(tmp_path / "expected.txt", transcripts)
    assert read_transcripts(tmp_path / "expected.txt") == transcripts


def test_a_missing_setting_is_named() -> None:
    """Against the real provider, or a store that another one runs, the scene can't be played."""
    with pytest.raises(UnexpectedResult, match="STRIPE_API_KEY"):
        read_settings({"STRIPE_API_BASE": "http://127.0.0.1:1"}, *NEEDED)


def test_no_amount_of_a_transcript_is_written_without_its_currency() -> None:
    """The agent resolved a ticket "→ 1.91", without a currency: amounts are the graph's texts."""
    files = (ROOT / "simulators" / "demo").rglob("*.py")
    assert [file.name for file in files if re.search(r"/ 100\b", file.read_text())] == []
