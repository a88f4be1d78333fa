"""Text in PDF documents: a small Latin font, and a large CJK font for all other characters."""

from functools import cache
from pathlib import Path
from xml.sax.saxutils import escape

from reportlab.lib import colors
from reportlab.lib.enums import TA_RIGHT
from reportlab.lib.styles import ParagraphStyle
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.platypus import Paragraph

REGULAR_FONT, BOLD_FONT, CJK_FONT = "Vera", "VeraBd", "NotoSansSC"
FIRST_CJK_CHARACTER = "\u2e80"  # from here on a line may break after any character
CJK_FONT_FILE = Path(__file__).resolve().parent.parent / "data" / "fonts" / "NotoSansSC-Regular.ttf"
TEXT_COLOR = colors.HexColor("#1b1b1b")


def paragraph(text: str, size: float, *, bold: bool = False, right: bool = False) -> Paragraph:
    """A paragraph of plain text; markup in it is escaped."""
    name = _font_for(text, BOLD_FONT if bold else REGULAR_FONT)
    has_cjk = any(character >= FIRST_CJK_CHARACTER for character in text)
    style = ParagraphStyle(
        name, fontName=name, fontSize=size, leading=size * 1.25, textColor=TEXT_COLOR,
        alignment=TA_RIGHT if right else 0, wordWrap="CJK" if has_cjk else None,
        splitLongWords=1,
    )  # fmt: skip
    return Paragraph(escape(text), style)


def _font_for(text: str, latin: str) -> str:
    """The Latin font if it has all characters of the text, else the CJK font."""
    glyphs = pdfmetrics.getFont(latin).face.charToGlyph
    return latin if all(ord(character) in glyphs for character in text) else _cjk_font()


@cache
def _cjk_font() -> str:
    """The CJK font, loaded on first use; documents embed only the glyphs that they use."""
    pdfmetrics.registerFont(TTFont(CJK_FONT, str(CJK_FONT_FILE)))
    return CJK_FONT


pdfmetrics.registerFont(TTFont(REGULAR_FONT, "Vera.ttf"))
pdfmetrics.registerFont(TTFont(BOLD_FONT, "VeraBd.ttf"))
