"""Looks into files that strangers send: of what type the content is, and what of it is kept.

The type is told from the bytes alone. A picture is decoded within bounds and encoded anew, turned
upright: places, cameras, thumbnails, comments and whatever else was hidden in the file are gone.
"""

import io
import warnings
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import puremagic
from PIL import Image, ImageOps, UnidentifiedImageError

MAX_PIXELS = 16_000_000
"""Decoded, a picture takes four bytes for each: 64 MB."""
PDF = "application/pdf"
PDF_HEADER = b"%PDF-"
PDF_END = b"%%EOF"
PDF_END_BYTES = 1_024
IMAGE_FORMATS = {"image/jpeg": "JPEG", "image/png": "PNG", "image/webp": "WEBP"}
ENCODING: Mapping[str, Mapping[str, int]] = {
    "JPEG": {"quality": 90},
    "PNG": {"compress_level": 3},
    "WEBP": {"quality": 85, "method": 0},
}
"""For each format what it needs little time for: `resolvers.prices` lets callers pay for it."""
PLAIN_MODES = {"P": "RGB", "CMYK": "RGB", "YCbCr": "RGB", "LAB": "RGB", "HSV": "RGB", "F": "L"}
"""Into which mode pictures of a rare mode are converted."""


class ContentRefused(Exception):
    """The file is not kept."""


class UnknownContent(ContentRefused):
    """The content is of none of the allowed types."""


class UnreadableContent(ContentRefused):
    """The content can't be read as its type, has too many pixels, or is animated."""


@dataclass(frozen=True, slots=True)
class KeptContent:
    """What is kept of a file, and its type."""

    data: bytes
    content_type: str


def clean_content(data: bytes, allowed: Collection[str]) -> KeptContent:
    """Return what is kept of a file of one of these types. Uses much CPU: call it in a thread.

    Raises UnknownContent, UnreadableContent.
    """
    content_type = sniff_type(data)
    if content_type not in allowed:
        raise UnknownContent(content_type or "unknown")
    if content_type == PDF:
        return KeptContent(_whole_pdf(data), PDF)
    return KeptContent(_without_metadata(data, IMAGE_FORMATS[content_type]), content_type)


def sniff_type(data: bytes) -> str:
    """The media type of a file by its content; "" if it is of no known type."""
    try:
        return str(puremagic.from_string(data, mime=True))
    except (puremagic.PureError, ValueError):
        return ""


def _whole_pdf(data: bytes) -> bytes:
    """A PDF that begins and ends as one. It is only ever sent as an attachment, as it came."""
    if not data.startswith(PDF_HEADER) or PDF_END not in data[-PDF_END_BYTES:]:
        raise UnreadableContent("no whole PDF")
    return data


def _without_metadata(data: bytes, format_name: str) -> bytes:
    try:
        with warnings.catch_warnings(), Image.open(io.BytesIO(data), formats=[format_name]) as file:
            warnings.simplefilter("ignore")
            return _encode(_decode(file), format_name)
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, EOFError) as error:
        raise UnreadableContent(str(error)) from error
    except Image.DecompressionBombError as error:
        raise UnreadableContent("too many pixels") from error


def _decode(file: Image.Image) -> Image.Image:
    """The pixels, upright. Raises UnreadableContent before too many of them are decoded."""
    width, height = file.size
    if width * height > MAX_PIXELS:
        raise UnreadableContent("too many pixels")
    if getattr(file, "n_frames", 1) > 1:
        raise UnreadableContent("animated")
    file.load()
    upright = ImageOps.exif_transpose(file)
    if upright.has_transparency_data:
        return upright.convert("RGBA")
    return upright.convert(PLAIN_MODES.get(upright.mode, upright.mode))


def _encode(picture: Image.Image, format_name: str) -> bytes:
    """Encode the pixels alone: nothing that the file said beside them is carried over."""
    bare = Image.new(picture.mode, picture.size)
    bare.paste(picture)
    buffer = io.BytesIO()
    if format_name == "JPEG":
        bare = bare.convert("RGB") if bare.mode not in ("L", "RGB") else bare
    bare.save(buffer, format_name, **ENCODING[format_name])
    return buffer.getvalue()
