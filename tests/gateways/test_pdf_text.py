"""Names in every script on every paper: shaped, in the right direction, and never a box."""

import logging
from collections.abc import Callable
from unicodedata import category

import pytest
from fontTools.unicodedata import script as script_of
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
    "Odia": "କ୍ଷୀର ଓଡ଼ିଆ",
    "Tibetan": "འོ་མ་ བོད་སྐད་",
    "Thaana": "ކިރު ދިވެހި",
    "Mongolian": "\u1830\u1826\u1829\u182d\u1823\u182f \u1830\u1826\u180b",
    "Canadian syllabics": "ᐃᓄᒃᑎᑐᑦ ᐃᒻᒧᒃ",
    "Cherokee": "ᎤᏅᏗ ᏣᎳᎩ ꭰꭱ",
    "Ol Chiki": "ᱛᱚᱣᱟ ᱥᱟᱱᱛᱟᱲᱤ",
    "Yi": "ꀉꆈꌠꁱꂷ",
    "Bopomofo": "ㄋㄧㄡˊ ㄖㄨˇ ㆠ",
    "Cantonese": "㗎 𨋢 嘅嘢",
    "Japanese names": "𠮷野家 髙島屋 﨑",
    "N'Ko": "ߣߣߐߣߐ ߒߞߏ",
    "Adlam": "𞤑𞤮𞤧𞤢𞤥 𞤊𞤵𞤤𞤢𞤪",
    "Tifinagh": "ⴰⵖⵓ ⵜⴰⵎⴰⵣⵉⵖⵜ",
    "Vai": "ꕙꔤ ꕪꕌ",
    "Bamum": "ꚠꚡꛀ",
    "Javanese": "ꦱꦸꦱꦸ ꦗꦮ",
    "Balinese": "ᬲᬸᬲᬸ ᬩᬮᬶ",
    "Sundanese": "ᮞᮥᮞᮥ ᮞᮥᮔ᮪ᮓ",
    "Batak": "ᯘᯮᯘᯮ",
    "Buginese": "ᨔᨘᨔᨘ",
    "Cham": "ꨌꩌ ꨔꨭ",
    "Chakma": "𑄌𑄋𑄴𑄟𑄳𑄦",
    "Kayah Li": "ꤊꤢꤛꤢꤟ",
    "Lepcha": "ᰛᰩᰵ ᰣᰦ",
    "Limbu": "ᤕᤠᤰᤌᤢᤱ",
    "Lisu": "\ua4e1\ua4f2 \ua4e2\ua4f4",
    "Mandaic": "ࡌࡀࡍࡃࡀ",
    "Meitei": "ꯁꯉ꯭ꯒꯣꯝ ꯃꯤꯇꯩ",
    "Miao": "𖼀𖽑 𖼊𖽔",
    "Newa": "𑐣𑐾𑐥𑐵𑐮",
    "New Tai Lue": "ᦅᦷᦎᦺᦑᦟᦹᧉ",
    "Tai Le": "ᥖᥭᥰ ᥘᥫᥴ",
    "Tai Tham": "ᨶᩫ᩠ᨾ ᩃᩣ᩠ᨶᨶᩣ",
    "Tai Viet": "ꪼꪕ ꪺꪙ",
    "Osage": "𐓏𐓘𐓻𐓘𐓻𐓟",
    "Rohingya": "𐴌𐴗𐴥𐴝 𐴀𐴠",
    "Saurashtra": "ꢱꣃꢬꢵꢰ꣄ꢜ꣄ꢬ",
    "Syloti": "ꠍꠤꠟꠐꠤ ꠖꠥꠗ",
    "Syriac": "ܚܠܒܐ ܣܘܪܝܝܐ",
    "Wancho": "𞋒𞋀 𞋉",
    "Hmong": "𞄀𞄁𞄂 𖬀𖬁",
    "Coptic": "ⲉⲣⲱϯ",
}
LIVING_SCRIPTS = {
    "Adlm": 0, "Arab": 200, "Armn": 0, "Bali": 1, "Bamu": 0, "Batk": 0, "Beng": 0, "Bopo": 4,
    "Bugi": 0, "Cakm": 1, "Cans": 16, "Cham": 0, "Cher": 0, "Copt": 0, "Cyrl": 0, "Deva": 0,
    "Ethi": 28, "Geor": 0, "Gong": 0, "Gonm": 0, "Grek": 3, "Gujr": 0, "Guru": 0, "Hang": 0,
    "Hebr": 1, "Hmng": 0, "Hmnp": 0, "Java": 0, "Kali": 0, "Khmr": 0, "Knda": 1, "Lana": 0,
    "Laoo": 15, "Latn": 101, "Lepc": 0, "Limb": 0, "Lisu": 1, "Mand": 0, "Medf": 0, "Mend": 0,
    "Mlym": 0, "Mong": 1, "Mroo": 0, "Mtei": 0, "Mymr": 0, "Newa": 0, "Nkoo": 0, "Olck": 0,
    "Orya": 1, "Osge": 0, "Osma": 0, "Plrd": 0, "Rjng": 0, "Rohg": 0, "Samr": 0, "Saur": 0,
    "Sinh": 0, "Sora": 0, "Sund": 0, "Sylo": 0, "Syrc": 11, "Tale": 0, "Talu": 0, "Taml": 21,
    "Tavt": 0, "Telu": 2, "Tfng": 0, "Thaa": 0, "Thai": 0, "Tibt": 0, "Vaii": 0, "Wara": 0,
    "Wcho": 0, "Yiii": 0,
}  # fmt: skip
"""Scripts that people write today, and how many of their letters, marks and digits no font has:
letters of scholars, of mathematics and of Unicode 14, and digits of old accounts."""


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


def test_the_fonts_have_the_letters_of_every_living_script() -> None:
    """By the character maps of the fonts; Han and kana have letters that nobody prints."""
    missing = dict.fromkeys(LIVING_SCRIPTS, 0)
    for number in range(0x20000):
        script = script_of(chr(number))
        if script in missing and category(chr(number))[0] in "LMN":
            missing[script] += not paper_fonts().covers(chr(number))
    assert {
        script: count for script, count in missing.items() if count > LIVING_SCRIPTS[script]
    } == {}
    assert all(map(paper_fonts().covers, map(chr, range(0x4E00, 0x9FEB))))


def test_typst_knows_each_family_by_the_same_name() -> None:
    """A family of another name would be left out of every paper."""
    assert set(paper_fonts().coverages) == set(paper_fonts().files.families())


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


def test_what_no_font_has_becomes_a_replacement_character_and_a_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Cuneiform and private characters have no glyph: paper and log say so."""
    with caplog.at_level(logging.WARNING, "darkstore.papers"):
        assert printable("Milk \U00012000\ue000") == "Milk \ufffd\ufffd"
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
        ("a\u0651b", "a\ufffdb"),
        ("\U0001d4dc\U0001d4f2\U0001d4f5\U0001d4f4", "Milk"),
        ("\ufe8d", "\ufe8d"),
        ("\u200d\u200b", ""),
    ],
)
def test_characters_that_change_lines_or_stand_alone_are_left_out(text: str, shown: str) -> None:
    """Direction marks, tabs, line separators, marks without a letter; what has no glyph is not."""
    assert printable(text) == shown


def test_long_words_can_be_broken_and_long_texts_end() -> None:
    assert ZERO_WIDTH_SPACE in printable("x" * 100)
    assert ZERO_WIDTH_SPACE in printable("x" * 20, 14)
    assert ZERO_WIDTH_SPACE not in printable("Kartoffelpuffer")
    assert len(printable("a " * 1_000)) <= MAX_TEXT_CHARACTERS
    assert ZERO_WIDTH_SPACE in printable("ꦱꦸꦱꦸ" * 10)
    assert ZERO_WIDTH_SPACE not in printable(NAMES["Thai"] * 5)
    assert ZERO_WIDTH_SPACE not in printable("འོ་མ་" * 20)


def test_few_fonts_are_in_a_paper() -> None:
    """A paper has only the fonts that it uses, and of each only the glyphs that it uses."""
    paper = receipt("Milk")
    assert embedded_fonts(paper) == {"NotoSans-Regular", "NotoSans-Bold"}
    assert paper_fonts().families_for("Milk") == ["Noto Sans"]
    assert paper_fonts().families_for("Milk \u0b13") == ["Noto Sans", "Noto Sans Oriya"]
    assert len(paper) < 60_000


TEXTS = st.text(max_size=12) | st.text(
    st.sampled_from([chr(one) for one in sorted(paper_fonts().coverages["Noto Sans Symbols2"])]),
    max_size=12,
)


@settings(max_examples=40, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(st.lists(TEXTS, min_size=10, max_size=10))
def test_no_text_at_all_is_a_box(texts: list[str]) -> None:
    """Any characters in any order, also those that no name has."""
    lines = [ReceiptLine(text, 1, 1, 1) for text in texts]
    paper = Receipt(texts[0], "", 7, NOW, "EUR", lines, 1, 0, "CASH", 1, 0, "", False)
    printed = glyphs(pdf_documents.render_receipt(paper))
    assert all(number for _, number in printed)
