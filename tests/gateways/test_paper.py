"""Paper is drawn whatever names and lengths the business comes up with."""

import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from gateways.paper import (
    Manifest,
    Parcel,
    Receipt,
    ReceiptLine,
    Slip,
    SlipLine,
    manifest,
    packing_slip,
    receipt,
)

NOW = datetime(2026, 11, 21, 15, tzinfo=UTC)
SLIP = Slip("K7QX2M", "Store", "Ana", 2, NOW, [SlipLine("Milk", "P001", "A1", 2, 2)])
RECEIPT = Receipt(
    "Company", "Store", 7, NOW, "EUR", [ReceiptLine("Milk", 2, 199, 398)], 398, 23, "CASH", 500,
    102, "", False,
)  # fmt: skip
ODD = ["", "<b>bold", "a & b </para>", "嘉頓生命麵包", "x" * 200, "ção", "\u202e\u0301😀"]


def pages(drawn: bytes) -> int:
    assert drawn.startswith(b"%PDF-")
    assert drawn.rstrip().endswith(b"%%EOF")
    found = re.search(rb"/Count (\d+)", drawn)
    assert found
    return int(found[1])


@pytest.mark.parametrize("name", ODD)
def test_any_name_can_be_printed(name: str) -> None:
    line = SlipLine(name, name, name, 99, 0)
    assert pages(packing_slip(replace(SLIP, customer_name=name, store_name=name, lines=[line]))) > 0
    parcels = [Parcel("K7QX2M", name, 1, name)]
    assert pages(manifest(Manifest(name, NOW, parcels))) > 0
    lines = [ReceiptLine(name, 1, 1, 1)]
    assert pages(receipt(replace(RECEIPT, company_name=name, lines=lines))) == 1


def test_long_lists_go_on_over_the_page_and_a_receipt_grows() -> None:
    assert pages(packing_slip(SLIP)) == 1
    assert pages(packing_slip(replace(SLIP, lines=list(SLIP.lines) * 150))) in range(4, 8)
    parcels = [Parcel("K7QX2M", "Ana", 1, "")] * 500
    assert pages(manifest(Manifest("Store", NOW, parcels))) > 10
    assert pages(manifest(Manifest("Store", NOW, []))) == 1
    assert pages(receipt(replace(RECEIPT, lines=list(RECEIPT.lines) * 100))) == 1


def test_equal_papers_are_equal_to_the_byte() -> None:
    assert packing_slip(SLIP) == packing_slip(SLIP)
    assert receipt(RECEIPT) != receipt(replace(RECEIPT, voided=True))


@pytest.mark.parametrize("name", ["嘉頓生命麵包", "红富士苹果", "ガリガリ君", "Молоко", "Γάλα"])
def test_a_paper_carries_the_letters_that_it_uses(name: str) -> None:
    line = SlipLine(name, "P001", "A1", 2, 2)
    drawn = packing_slip(replace(SLIP, lines=[line]))
    assert b"NotoSansSC" in drawn
    assert drawn.count(b"/FontFile2") == 3  # plain, bold and large, each with its letters inside
    assert len(drawn) < 100_000
    assert b"NotoSansSC" not in packing_slip(SLIP)


def test_a_slip_says_what_was_weighed_and_what_is_inside_instead() -> None:
    weighed = SlipLine("Apples", "P003", "Chilled A1", 3, 2, 301)
    other = SlipLine("Pears", "P004", "", 0, 1)
    assert (weighed.title, weighed.packed) == ("Apples", "2 (301 g)")
    assert (other.title, other.packed) == ("Instead: Pears", "1")
    assert pages(packing_slip(replace(SLIP, lines=[weighed, other]))) == 1
    sold = ReceiptLine("Apples", 3, 399, 1200, 451, 2660)
    assert pages(receipt(replace(RECEIPT, lines=[sold]))) == 1
