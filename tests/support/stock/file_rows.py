"""Reads a stock file in chunks, as the worker does."""

from models.imports import StockImportFormat, StockImportMode
from services.imports.file_layout import MAX_HEAD_BYTES
from services.imports.file_reader import ImportRow, detect_layout, parse_chunk


def read_file(
    data: bytes | str,
    *,
    chunk_bytes: int = 16_384,
    format: StockImportFormat = StockImportFormat.CSV,
    mode: StockImportMode = StockImportMode.SET,
) -> list[ImportRow]:
    """The rows of a file, read in chunks as an import does."""
    content = data.encode() if isinstance(data, str) else data
    layout = detect_layout(content[:MAX_HEAD_BYTES], len(content), format)
    rows: list[ImportRow] = []
    offset = lines = 0
    while True:
        chunk = content[offset : offset + chunk_bytes]
        last = len(chunk) < chunk_bytes
        parsed = parse_chunk(chunk, last, lines, layout, mode)
        rows += parsed.rows
        offset, lines = offset + parsed.size_bytes, lines + parsed.line_count
        if last:
            assert offset == len(content)
            return rows
