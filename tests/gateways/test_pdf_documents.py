"""PDF documents: unusual names, long lists, fonts, and stable output."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from gateways.pdf_documents import (
    MAX_LINES,
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
from tests.gateways.papers import embedded_fonts, page_count, page_text

NOW = datetime(2026, 11, 21, 15, tzinfo=UTC)
SLIP = PackingSlip("K7QX2M", "Store", "Ana", 2, NOW, [PackingSlipLine("Milk", "P001", "A1", 2, 2)])
RECEIPT = Receipt(
    "Company", "Store", 7, NOW, "EUR", [ReceiptLine("Milk", 2, 199, 398)], 398, 23, "CASH", 500,
    102, "", False,
)  # fmt: skip
LARGE_FONT = "NotoSansSC-Thin"  # its name within the file, which has the regular weight
UNUSUAL_NAMES = ["", "<b>bold", "a & b </para>", "嘉頓生命麵包", "x" * 200, "ção", "\u202e\u0301😀"]


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


def test_documents_embed_the_glyphs_that_they_use() -> None:
    """The large font is there only for a name that needs it, and never as a whole."""
    pdf = render_packing_slip(replace(SLIP, store_name="嘉頓生命麵包"))
    assert LARGE_FONT in embedded_fonts(pdf)
    assert len(pdf) < 100_000
    assert LARGE_FONT not in embedded_fonts(render_packing_slip(SLIP))


def test_the_lines_of_a_document_are_bounded() -> None:
    """Whatever an order or a store has, the cost of a paper ends; the rest is counted on it."""
    lines = list(RECEIPT.lines) * (MAX_LINES + 7)
    assert "and 7 lines more" in page_text(render_receipt(replace(RECEIPT, lines=lines)))


def test_a_packing_slip_shows_weights_and_substitutes() -> None:
    weighed = PackingSlipLine("Apples", "P003", "Chilled A1", 3, 2, 301)
    other = PackingSlipLine("Pears", "P004", "", 0, 1)
    assert (weighed.packed, other.packed) == ("2 (301 g)", "1")
    pdf = render_packing_slip(replace(SLIP, lines=[weighed, other]))
    assert page_count(pdf) == 1
    assert "Instead:" in page_text(pdf)
    sold = ReceiptLine("Apples", 3, 399, 1200, 451, 2660)
    assert page_count(render_receipt(replace(RECEIPT, lines=[sold]))) == 1
