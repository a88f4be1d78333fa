"""Files of several types, with what must not be kept."""

import io
import struct
import zlib

from PIL import Image

SECRET = b"secret place of the camera"
PDF = b"%PDF-1.7\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n"
HTML = b"<!DOCTYPE html><html><script>alert(1)</script></html>"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'
ORIENTATION, DESCRIPTION, TURNED = 0x0112, 0x010E, 6


def picture(format_name: str = "JPEG", width: int = 40, height: int = 30) -> bytes:
    """A picture that is to be turned, with a text about where it was taken."""
    exif = Image.Exif()
    exif[DESCRIPTION], exif[ORIENTATION] = SECRET.decode(), TURNED
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), "red").save(buffer, format_name, exif=exif)
    return buffer.getvalue()


def animation() -> bytes:
    """A WebP with two pictures."""
    buffer = io.BytesIO()
    frames = [Image.new("RGB", (10, 10), color) for color in ("red", "blue")]
    frames[0].save(buffer, "WEBP", save_all=True, append_images=frames[1:], duration=100)
    return buffer.getvalue()


def blank(width: int, height: int) -> bytes:
    """A whole PNG with one bit for each pixel."""
    buffer = io.BytesIO()
    Image.new("1", (width, height)).save(buffer, "PNG")
    return buffer.getvalue()


def bomb(width: int = 60_000, height: int = 60_000) -> bytes:
    """A small PNG whose head announces very many pixels."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(b"\0" * 1_000)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in parts
    )
