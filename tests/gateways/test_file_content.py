"""What is kept of files that strangers send."""

import io

import pytest
from PIL import Image

from gateways.file_content import (
    IMAGE_FORMATS,
    MAX_PIXELS,
    PDF,
    UnknownContent,
    UnreadableContent,
    clean_content,
)
from tests.support.files import pictures

ANY = (*IMAGE_FORMATS, PDF)


@pytest.mark.parametrize(("content_type", "format_name"), IMAGE_FORMATS.items())
def test_a_picture_keeps_its_pixels_alone(content_type: str, format_name: str) -> None:
    sent = pictures.picture(format_name) + b"<script>trailing</script>"
    assert pictures.SECRET in sent
    kept = clean_content(sent, ANY)
    assert kept.content_type == content_type
    assert pictures.SECRET not in kept.data
    assert b"script" not in kept.data
    with Image.open(io.BytesIO(kept.data)) as shown:
        assert shown.format == format_name
        assert shown.size == (30, 40), "it stands upright"
        assert not shown.getexif()


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "I;16"])
def test_pictures_of_every_mode_are_kept(mode: str) -> None:
    buffer = io.BytesIO()
    Image.new(mode, (20, 10)).save(buffer, "PNG")
    kept = clean_content(buffer.getvalue(), ANY)
    with Image.open(io.BytesIO(kept.data)) as shown:
        assert shown.size == (20, 10)


def test_transparency_is_kept() -> None:
    buffer = io.BytesIO()
    Image.new("RGBA", (4, 4), (255, 0, 0, 0)).convert("P").save(buffer, "PNG", transparency=0)
    kept = clean_content(buffer.getvalue(), ANY)
    with Image.open(io.BytesIO(kept.data)) as shown:
        assert shown.convert("RGBA").getpixel((0, 0))[3] == 0  # type: ignore[index] # a tuple


@pytest.mark.parametrize(
    "data", [pictures.HTML, pictures.SVG, b"MZ\x90\0", b"", b"hello", b"GIF89a\1\0\1\0"]
)
def test_the_content_decides_the_type(data: bytes) -> None:
    with pytest.raises(UnknownContent):
        clean_content(data, ANY)


def test_a_type_that_the_purpose_does_not_allow_is_unknown() -> None:
    with pytest.raises(UnknownContent):
        clean_content(pictures.PDF, tuple(IMAGE_FORMATS))


@pytest.mark.parametrize(
    "data",
    [
        pictures.picture()[:200],
        pictures.picture("PNG")[:60],
        pictures.bomb(),
        pictures.blank(MAX_PIXELS // 4_000 + 1, 4_000),
        pictures.animation(),
        b"%PDF-1.7 that breaks off",
    ],
    ids=["half a JPEG", "half a PNG", "bomb", "a little too many pixels", "animation", "PDF"],
)
def test_what_can_not_be_read_within_bounds_is_refused(data: bytes) -> None:
    with pytest.raises(UnreadableContent):
        clean_content(data, ANY)


def test_a_whole_pdf_is_kept_as_it_is() -> None:
    assert clean_content(pictures.PDF, ANY).data == pictures.PDF
