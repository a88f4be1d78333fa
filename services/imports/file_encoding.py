"""Which encoding a file of text has: UTF-8, UTF-16 or Windows-1252, told from its first bytes."""

import codecs
import unicodedata
from dataclasses import dataclass

from services.core.problems import DomainError, Problem

BYTE_VIEW = "latin-1"
UTF8_BOM_VIEW = codecs.BOM_UTF8.decode(BYTE_VIEW)
BINARY_FORMATS = {
    b"PK\x03\x04": "a spreadsheet or an archive (.xlsx, .ods, .zip)",
    b"\xd0\xcf\x11\xe0": "a spreadsheet (.xls)",
    b"\x1f\x8b": "compressed (.gz)",
    b"%PDF": "a PDF",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class InvalidFile(Problem):
    """The file does not have its declared format."""


@dataclass(frozen=True, slots=True)
class TextEncoding:
    """An encoding of a file.

    The bytes are first decoded by `view`, which accepts any bytes: for encodings that extend ASCII
    each byte becomes one character, so line ends, delimiters and quotes can be found before it is
    known what the other bytes mean. `codecs` are then tried in order for the text of a cell.
    """

    name: str
    view: str
    codecs: tuple[str, ...] = ()

    def decode_view(self, data: bytes, last: bool) -> str:
        """Decode a chunk; an incomplete character at its end is left out unless it is the last."""
        return codecs.getincrementaldecoder(self.view)("replace").decode(data, last)

    def view_size(self, view: str) -> int:
        """The size in bytes of a part of a chunk."""
        return len(view) if self.codecs else len(view.encode(self.view))

    def decode_cell(self, view: str) -> str | None:
        """The text of a cell; None if its bytes are no text in this encoding."""
        if view.isascii():
            return view
        if not self.codecs:
            return None if "\N{REPLACEMENT CHARACTER}" in view else view
        data = view.encode(self.view)
        for codec in self.codecs:
            try:
                return data.decode(codec)
            except UnicodeDecodeError:
                continue
        return None

    @property
    def bom(self) -> str:
        """A byte order mark as the view shows it."""
        return UTF8_BOM_VIEW if self.codecs else "\ufeff"


UTF8 = TextEncoding("UTF-8", BYTE_VIEW, ("utf-8",))
WINDOWS_1252 = TextEncoding("Windows-1252", BYTE_VIEW, ("cp1252",))
UTF8_OR_WINDOWS_1252 = TextEncoding("UTF-8 or Windows-1252", BYTE_VIEW, ("utf-8", "cp1252"))
"""Of a file that begins with ASCII alone: each cell is read as UTF-8, otherwise as Windows-1252."""
UTF16_LE = TextEncoding("UTF-16", "utf-16-le")
UTF16_BE = TextEncoding("UTF-16", "utf-16-be")


def detect_encoding(head: bytes, whole: bool) -> TextEncoding:
    """Detect the encoding of a file from its first bytes; `whole` if these are all its bytes.

    Raises DomainError: InvalidFile for what is not text.
    """
    for magic, format_name in BINARY_FORMATS.items():
        if head.startswith(magic):
            raise unreadable(f"The file is {format_name}: export it as CSV in UTF-8.")
    if head.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        raise unreadable("The file is text in UTF-32: save it in UTF-8.")
    if (utf16 := _utf16(head)) is not None:
        return utf16
    if b"\0" in head:
        raise unreadable("The file is not text.")
    return _extended_ascii(head, whole)


def _utf16(head: bytes) -> TextEncoding | None:
    """UTF-16 by its byte order mark, or since every second of the first bytes is zero."""
    if head.startswith(codecs.BOM_UTF16_LE):
        return UTF16_LE
    if head.startswith(codecs.BOM_UTF16_BE):
        return UTF16_BE
    even, odd = head[:64:2], head[1:64:2]
    if odd and not any(odd) and all(even):
        return UTF16_LE
    return UTF16_BE if even and not any(even) and all(odd) else None


def _extended_ascii(head: bytes, whole: bool) -> TextEncoding:
    if head.isascii():
        return UTF8_OR_WINDOWS_1252
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head, whole)
    except UnicodeDecodeError:
        try:
            head.decode("cp1252")
        except UnicodeDecodeError:
            message = "The file is not text in UTF-8, UTF-16 or Windows-1252: save it in UTF-8."
            raise unreadable(message) from None
        return WINDOWS_1252
    return UTF8


def clean_text(text: str) -> str:
    """A text without invisible characters (zero-width, direction, soft hyphens), and trimmed.

    Full-width letters and digits become ordinary ones.
    """
    if text.isascii():
        return text.strip()
    visible = "".join(one for one in text if unicodedata.category(one) != "Cf").strip()
    compatible = unicodedata.normalize("NFKC", visible)
    return compatible if compatible.isascii() else unicodedata.normalize("NFC", visible)


def unreadable(message: str) -> DomainError:
    return DomainError(InvalidFile(path=["input", "stockImportFileId"], message=message))
