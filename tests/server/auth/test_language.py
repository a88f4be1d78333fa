"""The language and the formats of an answer, from what browsers and apps send."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.auth.language import LANGUAGES, MAX_HEADER_CHARS, format_locale_of, language_of
from services.accounts.language_tags import locale_of


@pytest.mark.parametrize(
    ("header", "language"),
    [
        (None, "en"),
        ("", "en"),
        (";;;,, ,", "en"),
        ("en-GB", "en"),
        ("zh", "zh-Hans"),
        ("zh-Hant", "zh-Hant"),
        ("zh-HK", "zh-Hant"),
        ("zh-Hant-HK", "zh-Hant"),
        ("zh-Hans-HK", "zh-Hans"),
        ("zh-TW,zh;q=0.9,en-US;q=0.8,en;q=0.7", "zh-Hant"),
        ("yue-HK", "zh-Hant"),
        ("zh-yue-HK", "zh-Hant"),
        ("cmn-Hans-CN", "zh-Hans"),
        ("ZH-hant", "zh-Hant"),
    ],
)
def test_common_headers_choose_the_expected_language(header: str | None, language: str) -> None:
    assert language_of(header) == language


def test_the_highest_quality_wins_and_the_first_of_equals() -> None:
    assert language_of("en;q=0.2, zh-TW;q=0.8") == "zh-Hant"
    assert language_of("en;q=0.2,zh-TW;Q=0.1") == "en"
    assert language_of("zh-CN, zh-TW") == "zh-Hans"


def test_an_unknown_language_is_skipped() -> None:
    assert language_of("fr, zh-HK;q=0.1") == "zh-Hant"
    assert language_of("pt-PT, pt;q=0.9") == "en"


def test_any_language_means_our_default_unless_it_is_refused() -> None:
    assert language_of("*, zh;q=0.5") == "en"
    assert language_of("en;q=0, *") == "zh-Hant"
    assert language_of("en;q=0, *, zh-TW;q=0") == "zh-Hans"
    assert language_of("zh;q=0") == "en"


@pytest.mark.parametrize("quality", ["nan", "inf", "2", "-1", "1e3", "1.1", "x", "0.12345", ""])
def test_a_malformed_quality_counts_for_nothing(quality: str) -> None:
    assert language_of(f"zh;q={quality}, en;q=0.1") == "en"


def test_a_header_that_is_too_long_is_cut_between_languages() -> None:
    filler = "x" * (MAX_HEADER_CHARS - len(",en,") - len("zh"))
    assert language_of(f"{filler},en,zh-Hant") == "en"
    assert language_of("zh-Hant" * 1_000) == "en"


@given(st.text(max_size=300))
def test_no_header_breaks_the_choice(header: str) -> None:
    assert language_of(header) in LANGUAGES


@pytest.mark.parametrize(
    ("header", "locale"),
    [
        (None, "en"),
        ("", "en"),
        ("pt-PT, pt;q=0.9", "pt_PT"),
        ("de", "de"),
        ("en;q=0.2, fr-CH;q=0.8", "fr_CH"),
        ("zh-HK", "zh_Hant_HK"),
        ("tlh, pt;q=0.5", "pt"),
        ("tlh", "en"),
        ("*", "en"),
        ("pt;q=0, zh-TW;q=0.5", "zh_Hant_TW"),
        ("EN-gb", "en_GB"),
    ],
)
def test_amounts_are_written_as_the_request_asks(header: str | None, locale: str) -> None:
    """A request in Portuguese or German got HK$50.00: only languages with texts of ours counted."""
    assert format_locale_of(header) == locale


@given(st.text(max_size=300))
def test_any_header_chooses_a_locale(header: str) -> None:
    """Whatever a client sends, amounts can be formatted."""
    assert locale_of(format_locale_of(header)) is not None
