"""Names in every script on every paper: shaped, in the right direction, and never a box."""

import logging
from collections.abc import Callable

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from gateways import pdf_documents
from gateways.pdf_documents import (
    ManifestOrder,
    PackingSlip,
    PackingSlipLine,
    PickupManifest,
    Receipt,
    ReceiptLine,
)
from gateways.pdf_text import (
    MAX_TEXT_CHARACTERS,
    ZERO_WIDTH_SPACE,
    is_right_to_left,
    paper_fonts,
    printable,
)
from tests.gateways.papers import embedded_fonts, glyphs
from tests.gateways.test_pdf_documents import NOW

NAMES = {
    "Latin": "Crème brûlée Œuf ß",
    "Greek": "Γάλα φρέσκο",
    "Cyrillic": "Молоко Їжак",
    "Arabic": "حليب كامل الدسم \u0661 لتر",
    "Hebrew": "חָלָב טרי 3%",
    "Devanagari": "दूध 1L क्षत्रिय ताज़ा",
    "Bengali": "বাংলা দুধ ক্ষীর",
    "Tamil": "பால் கொழுப்பு",
    "Thai": "นมสดรสจืด ตราดีที่สุด",
    "Korean": "서울우유 흰우유",
    "Vietnamese": "Sữa tươi tiệt trùng Nguyễn",
    "Chinese": "嘉頓生命麵包 红富士苹果",
    "Japanese": "ガリガリ君 ひらがな",
    "Emoji": "🍎🥛 👨‍👩‍👧 ❤️ 👍🏽 🇵🇹 1️⃣",
    "Telugu": "పాలు క్షీరం",
    "Kannada": "ಹಾಲು",
    "Malayalam": "പാൽ ക്ഷീരം",
    "Gujarati": "દૂધ",
    "Gurmukhi": "ਦੁੱਧ",
    "Sinhala": "කිරි",
    "Lao": "ນົມ",
    "Khmer": "ទឹកដោះគោ",
    "Burmese": "နွားနို့",
    "Georgian": "რძე",
    "Armenian": "կաթ",
    "Amharic": "ወተት",
}


def packing_slip(name: str) -> bytes:
    line = PackingSlipLine(name, "P001", name, 2, 2)
    other = PackingSlipLine(name, "P002", "", 0, 1)
    return pdf_documents.render_packing_slip(
        PackingSlip("K7QX2M", name, name, 2, NOW, [line, other])
    )


def manifest(name: str) -> bytes:
    order = ManifestOrder("K7QX2M", name, 1, name)
    return pdf_documents.render_manifest(PickupManifest(name, NOW, [order]))


def receipt(name: str) -> bytes:
    lines = [ReceiptLine(name, 2, 199, 398)]
    return pdf_documents.render_receipt(
        Receipt(name, name, 7, NOW, "EUR", lines, 398, 23, "CARD", None, 0, name, True)
    )


PAPERS: dict[str, Callable[[str], bytes]] = {
    "render_packing_slip": packing_slip,
    "render_manifest": manifest,
    "render_receipt": receipt,
}


def test_every_paper_is_walked() -> None:
    """A later paper has to be added here."""
    assert set(PAPERS) == {name for name in dir(pdf_documents) if name.startswith("render_")}


@pytest.mark.parametrize("script", NAMES)
@pytest.mark.parametrize("paper", PAPERS)
def test_no_script_has_a_glyph_that_is_a_box(
    paper: str, script: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Glyph 0 of a font is its box; nothing had to be replaced either."""
    with caplog.at_level(logging.WARNING, "darkstore.papers"):
        printed = glyphs(PAPERS[paper](NAMES[script]))
    assert len(printed) > 20
    assert all(number for _, number in printed)
    assert caplog.messages == []


def test_arabic_letters_are_joined() -> None:
    """Each of four letters alone has another glyph than in a word: shaping chooses the form."""
    apart, joined = glyphs(receipt("ب ب ب ب")), glyphs(receipt("بببب"))
    assert len(set(joined)) > len(set(apart))


@pytest.mark.parametrize(
    ("text", "expected"),
    [("حليب 1L", True), ("3% חלב", True), ("1L Milk حليب", False), ("123", False), ("", False)],
)
def test_a_text_runs_in_the_direction_of_its_first_letter(text: str, expected: bool) -> None:
    assert is_right_to_left(text) is expected


def test_what_no_font_has_becomes_a_question_mark_and_a_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Cuneiform and private characters have no glyph: paper and log say so."""
    with caplog.at_level(logging.WARNING, "darkstore.papers"):
        assert printable("Milk \U00012000\ue000") == "Milk ??"
    (message,) = caplog.messages
    assert "U+E000, U+12000" in message
    assert all(number for _, number in glyphs(receipt("Milk \U00012000\ue000")))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\u202eanA\u202c", "anA"),
        ("a\tb\nc\u2028d", "a b c d"),
        ("\u0301", ""),
        ("e\u0301", "\u00e9"),
        ("a\u0651", "a"),
        ("\u200d\u200b", ""),
    ],
)
def test_characters_that_change_lines_or_stand_alone_are_left_out(text: str, shown: str) -> None:
    """Direction marks, tabs, line separators, marks without a letter or in no font with it."""
    assert printable(text) == shown


def test_long_words_can_be_broken_and_long_texts_end() -> None:
    assert ZERO_WIDTH_SPACE in printable("x" * 100)
    assert ZERO_WIDTH_SPACE in printable("x" * 20, 14)
    assert ZERO_WIDTH_SPACE not in printable("Kartoffelpuffer")
    assert len(printable("a " * 1_000)) <= MAX_TEXT_CHARACTERS
    assert ZERO_WIDTH_SPACE not in printable(NAMES["Thai"] * 5)


def test_few_fonts_are_in_a_paper() -> None:
    """A paper has only the fonts that it uses, and of each only the glyphs that it uses."""
    paper = receipt("Milk")
    assert embedded_fonts(paper) == {"NotoSans-Regular", "NotoSans-Bold"}
    assert len(paper) < 60_000


TEXTS = st.text(max_size=12) | st.text(
    st.sampled_from([chr(one) for one in sorted(paper_fonts().coverages[-1])]), max_size=12
)


@settings(max_examples=40, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(st.lists(TEXTS, min_size=10, max_size=10))
def test_no_text_at_all_is_a_box(texts: list[str]) -> None:
    """Any characters in any order, also those that no name has."""
    lines = [ReceiptLine(text, 1, 1, 1) for text in texts]
    paper = Receipt(texts[0], "", 7, NOW, "EUR", lines, 1, 0, "CASH", 1, 0, "", False)
    printed = glyphs(pdf_documents.render_receipt(paper))
    assert all(number for _, number in printed)
