"""What a scanner reads off the printed papers: the bars are taken off the page and decoded."""

import base64
import re
import zlib
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

import pytest
from reportlab.graphics.barcode import code128

from gateways.paper import Manifest, Parcel, manifest, packing_slip, receipt
from tests.gateways.test_paper import NOW, RECEIPT, SLIP

# Code 128 (ISO/IEC 15417): three bars and three spaces, eleven modules wide, make a symbol; 104
# begins in set B (the letters of ASCII from the space on), 105 in set C (two digits a symbol).
SYMBOLS = {
    tuple("abcd".index(one.lower()) + 1 for one in pattern): number
    for number, pattern in code128._patterns.items()
}
START_B, START_C, TO_C, TO_B, STOP = 104, 105, 99, 100, 106
BAR = re.compile(rb"n (\S+) 0 (\S+) \S+ re f\*")
PAGE = re.compile(rb"/ASCII85Decode[^>]*>>\s*stream\r?\n(.*?)~>\s*endstream", re.DOTALL)
BARS_LEAST = 10


def drawn_bars(paper: bytes) -> Iterator[list[tuple[float, float]]]:
    """Where each bar of each barcode begins, and how wide it is."""
    for found in PAGE.finditer(paper):
        page = zlib.decompress(base64.a85decode(found[1].strip()))
        for group in page.split(b"Q\n"):
            bars = [(float(x), float(width)) for x, width in BAR.findall(group)]
            if len(bars) >= BARS_LEAST:
                yield bars


def scanned(bars: list[tuple[float, float]]) -> str:
    """What bars say; fails on a wrong check symbol."""
    module = min(width for _, width in bars)
    edges = [edge for x, width in bars for edge in (x, x + width)]
    widths = [round((b - a) / module) for a, b in pairwise(edges)]
    assert len(widths) % 6 == 1
    numbers = [SYMBOLS[tuple(widths[at : at + 6])] for at in range(0, len(widths) - 7, 6)]
    assert tuple(widths[-7:]) == (2, 3, 3, 1, 1, 1, 2), "the stop symbol"
    *said, check = numbers
    assert (said[0] + sum(at * one for at, one in enumerate(said))) % 103 == check
    letters, pairs = "", said[0] == START_C
    assert said[0] in (START_B, START_C)
    for one in said[1:]:
        if one in (TO_B, TO_C) and pairs is (one == TO_B):
            pairs = not pairs
        else:
            letters += f"{one:02}" if pairs else chr(one + 32)
    return letters


@pytest.mark.parametrize("code", ["K7QX2M", "23456789", "ZZ99AA22"])
def test_the_bars_of_a_slip_say_the_orders_code(code: str) -> None:
    assert [scanned(one) for one in drawn_bars(packing_slip(replace(SLIP, order_code=code)))] == [
        code
    ]


def test_a_manifest_has_a_barcode_for_each_order() -> None:
    codes = [f"K7QX2{letter}AB" for letter in "MNPQRSTVWXYZ"]
    parcels = [Parcel(code, "Ana", 1, "") for code in codes]
    drawn = manifest(Manifest("Store", NOW, parcels))
    assert [scanned(one) for one in drawn_bars(drawn)] == codes


def test_a_receipt_is_found_again_by_its_number() -> None:
    assert [scanned(one) for one in drawn_bars(receipt(RECEIPT))] == ["00000007"]
