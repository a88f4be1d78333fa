"""PDF documents: unusual names, long lists, fonts, and stable output."""

import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from gateways.pdf_documents import (
    ManifestOrder,
    PackingSlip,
    PackingSlipLine,
    PickupManifest,
    Receipt,
    ReceiptLine,
    render_manifest,
    render_packing_slip,
    render_receipt,
)

NOW = datetime(2026, 11, 21, 15, tzinfo=UTC)
SLIP = PackingSlip("K7QX2M", "Store", "Ana", 2, NOW, [PackingSlipLine("Milk", "P001", "A1", 2, 2)])
RECEIPT = Receipt(
    "Company", "Store", 7, NOW, "EUR", [ReceiptLine("Milk", 2, 199, 398)], 398, 23, "CASH", 500,
    102, "", False,
)  # fmt: skip
UNUSUAL_NAMES = ["", "<b>bold", "a & b </para>", "嘉頓生命麵包", "x" * 200, "ção", "\u202e\u0301😀"]


def page_count(pdf: bytes) -> int:
    assert pdf.startswith(b"%PDF-")
    assert pdf.rstrip().endswith(b"%%EOF")
    match = re.search(rb"/Count (\d+)", pdf)
    assert match
    return int(match[1])


@pytest.mark.parametrize("name", UNUSUAL_NAMES)
def test_any_name_can_be_rendered(name: str) -> None:
    line = PackingSlipLine(name, name, name, 99, 0)
    assert (
        page_count(
            render_packing_slip(replace(SLIP, customer_name=name, store_name=name, lines=[line]))
        )
        > 0
    )
    orders = [ManifestOrder("K7QX2M", name, 1, name)]
    assert page_count(render_manifest(PickupManifest(name, NOW, orders))) > 0
    lines = [ReceiptLine(name, 1, 1, 1)]
    assert page_count(render_receipt(replace(RECEIPT, company_name=name, lines=lines))) == 1


def test_long_lists_span_pages_and_receipts_stay_on_one() -> None:
    assert page_count(render_packing_slip(SLIP)) == 1
    assert page_count(render_packing_slip(replace(SLIP, lines=list(SLIP.lines) * 150))) in range(
        4, 8
    )
    orders = [ManifestOrder("K7QX2M", "Ana", 1, "")] * 500
    assert page_count(render_manifest(PickupManifest("Store", NOW, orders))) > 10
    assert page_count(render_manifest(PickupManifest("Store", NOW, []))) == 1
    assert page_count(render_receipt(replace(RECEIPT, lines=list(RECEIPT.lines) * 100))) == 1


def test_equal_documents_are_byte_identical() -> None:
    assert render_packing_slip(SLIP) == render_packing_slip(SLIP)
    assert render_receipt(RECEIPT) != render_receipt(replace(RECEIPT, voided=True))


@pytest.mark.parametrize("name", ["嘉頓生命麵包", "红富士苹果", "ガリガリ君", "Молоко", "Γάλα"])
def test_documents_embed_the_glyphs_that_they_use(name: str) -> None:
    line = PackingSlipLine(name, "P001", "A1", 2, 2)
    pdf = render_packing_slip(replace(SLIP, lines=[line]))
    assert b"NotoSansSC" in pdf
    assert pdf.count(b"/FontFile2") == 3  # regular, bold and CJK, each embedded as a subset
    assert len(pdf) < 100_000
    assert b"NotoSansSC" not in render_packing_slip(SLIP)


def test_a_packing_slip_shows_weights_and_substitutes() -> None:
    weighed = PackingSlipLine("Apples", "P003", "Chilled A1", 3, 2, 301)
    other = PackingSlipLine("Pears", "P004", "", 0, 1)
    assert (weighed.title, weighed.packed) == ("Apples", "2 (301 g)")
    assert (other.title, other.packed) == ("Instead: Pears", "1")
    assert page_count(render_packing_slip(replace(SLIP, lines=[weighed, other]))) == 1
    sold = ReceiptLine("Apples", 3, 399, 1200, 451, 2660)
    assert page_count(render_receipt(replace(RECEIPT, lines=[sold]))) == 1
