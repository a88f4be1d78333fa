"""Reads papers in PDF: their operations, glyphs, fonts and text."""

from collections.abc import Iterator
from io import BytesIO
from typing import Any

from pypdf import PdfReader
from pypdf.generic import ContentStream


def page_count(pdf: bytes) -> int:
    return len(PdfReader(BytesIO(pdf)).pages)


def page_operations(pdf: bytes) -> Iterator[tuple[str, Any]]:
    """The operators of all pages with their operands."""
    reader = PdfReader(BytesIO(pdf))
    for page in reader.pages:
        for operands, operator in ContentStream(page["/Contents"], reader).operations:
            yield operator.decode(), operands


def glyphs(pdf: bytes) -> list[tuple[str, int]]:
    """Font and number of all printed glyphs; 0 is the box for what a font lacks."""
    found, font = [], ""
    for operator, operands in page_operations(pdf):
        if operator == "Tf":
            font = str(operands[0])
        if operator not in ("Tj", "TJ"):
            continue
        parts = operands[0] if operator == "TJ" else operands
        for part in parts:
            data = getattr(part, "original_bytes", b"")
            found += [(font, int.from_bytes(data[at : at + 2])) for at in range(0, len(data), 2)]
    return found


def embedded_fonts(pdf: bytes) -> set[str]:
    """The names of the fonts in a paper, without the prefix of the part that is embedded."""
    names = set()
    for page in PdfReader(BytesIO(pdf)).pages:
        resources: Any = page["/Resources"]
        for font in resources.get("/Font", {}).values():
            names.add(str(font.get_object()["/BaseFont"]).split("+")[-1])
    return names


def page_text(pdf: bytes) -> str:
    return "\n".join(page.extract_text() for page in PdfReader(BytesIO(pdf)).pages)
