"""Letters on paper: a small Latin font, and a large one for texts that it has no letters for."""

from functools import cache
from pathlib import Path
from xml.sax.saxutils import escape

from reportlab.lib import colors
from reportlab.lib.enums import TA_RIGHT
from reportlab.lib.styles import ParagraphStyle
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.platypus import Paragraph

PLAIN, BOLD, EASTERN = "Vera", "VeraBd", "NotoSansSC"
FIRST_HAN = "\u2e80"  # from here on a line may end behind any letter
HAN_FILE = Path(__file__).resolve().parent.parent / "data" / "fonts" / "NotoSansSC-Regular.ttf"
INK = colors.HexColor("#1b1b1b")


def text(words: str, size: float, *, bold: bool = False, right: bool = False) -> Paragraph:
    """A piece of text as it was written: no markup is read in it."""
    name = _font(words, BOLD if bold else PLAIN)
    anywhere = any(letter >= FIRST_HAN for letter in words)
    style = ParagraphStyle(
        name, fontName=name, fontSize=size, leading=size * 1.25, textColor=INK,
        alignment=TA_RIGHT if right else 0, wordWrap="CJK" if anywhere else None,
        splitLongWords=1,
    )  # fmt: skip
    return Paragraph(escape(words), style)


def _font(text: str, latin: str) -> str:
    """A font that has the letters of a text: the Latin one as long as it does."""
    known = pdfmetrics.getFont(latin).face.charToGlyph
    return latin if all(ord(letter) in known for letter in text) else _eastern()


@cache
def _eastern() -> str:
    """The large font, read when it is first needed; a paper carries the letters that it uses."""
    pdfmetrics.registerFont(TTFont(EASTERN, str(HAN_FILE)))
    return EASTERN


pdfmetrics.registerFont(TTFont(PLAIN, "Vera.ttf"))
pdfmetrics.registerFont(TTFont(BOLD, "VeraBd.ttf"))
