"""Decodes the barcodes in rendered documents, as a scanner would."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

import pytest

from gateways import barcodes
from gateways.pdf_documents import (
    ManifestOrder,
    PickupManifest,
    render_manifest,
    render_packing_slip,
    render_receipt,
)
from tests.gateways.papers import page_operations
from tests.gateways.test_pdf_documents import NOW, RECEIPT, SLIP

# Code 128 (ISO/IEC 15417): a symbol is three bars and three spaces, eleven modules wide; 104
# starts in set B (printable ASCII), 105 in set C (two digits per symbol).
SYMBOLS = {tuple(map(int, pattern)): number for number, pattern in enumerate(barcodes.SYMBOLS)}
START_B, START_C, TO_C, TO_B, STOP = 104, 105, 99, 100, 106
MIN_BARS = 10


def drawn_bars(pdf: bytes) -> Iterator[list[tuple[float, float]]]:
    """The position and the width of each bar, by barcode: a path of one rectangle for each bar."""
    corners: list[float] = []
    for operator, operands in page_operations(pdf):
        if operator in ("m", "l"):
            corners.append(float(operands[0]))
        elif operator == "f":
            rectangles = [corners[at : at + 4] for at in range(0, len(corners), 4)]
            bars = [(min(four), max(four) - min(four)) for four in rectangles]
            if len(bars) >= MIN_BARS:
                yield bars
            corners = []
        elif operator == "S":  # a line between rows
            corners = []


def scan(bars: list[tuple[float, float]]) -> str:
    """The text of a barcode; fails on a wrong check symbol."""
    module = min(width for _, width in bars)
    edges = [edge for x, width in bars for edge in (x, x + width)]
    widths = [round((b - a) / module) for a, b in pairwise(edges)]
    assert len(widths) % 6 == 1
    numbers = [SYMBOLS[tuple(widths[at : at + 6])] for at in range(0, len(widths) - 7, 6)]
    assert tuple(widths[-7:]) == (2, 3, 3, 1, 1, 1, 2), "the stop symbol"
    *symbols, check = numbers
    assert (symbols[0] + sum(at * one for at, one in enumerate(symbols))) % 103 == check
    text, pairs = "", symbols[0] == START_C
    assert symbols[0] in (START_B, START_C)
    for one in symbols[1:]:
        if one in (TO_B, TO_C) and pairs is (one == TO_B):
            pairs = not pairs
        else:
            text += f"{one:02}" if pairs else chr(one + 32)
    return text


@pytest.mark.parametrize("code", ["K7QX2M", "23456789", "ZZ99AA22"])
def test_a_packing_slip_has_the_order_code_as_barcode(code: str) -> None:
    assert [
        scan(one) for one in drawn_bars(render_packing_slip(replace(SLIP, order_code=code)))
    ] == [code]


def test_a_manifest_has_a_barcode_for_each_order() -> None:
    codes = [f"K7QX2{letter}AB" for letter in "MNPQRSTVWXYZ"]
    orders = [ManifestOrder(code, "Ana", 1, "") for code in codes]
    pdf = render_manifest(PickupManifest("Store", NOW, orders))
    assert [scan(one) for one in drawn_bars(pdf)] == codes


def test_a_receipt_has_its_number_as_barcode() -> None:
    assert [scan(one) for one in drawn_bars(render_receipt(RECEIPT))] == ["00000007"]


def test_every_symbol_has_its_own_eleven_modules() -> None:
    """The standard asks for six elements, an even number of dark modules, and no pattern twice."""
    assert len(SYMBOLS) == 106
    for widths in SYMBOLS:
        assert (len(widths), sum(widths), sum(widths[::2]) % 2) == (6, 11, 0)


def test_other_characters_are_refused() -> None:
    with pytest.raises(ValueError, match="ASCII"):
        barcodes.code128_bars("é")
