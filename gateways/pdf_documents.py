"""Renders packing slips, pickup manifests and receipts as PDF, with Typst.

A page takes about 20 ms of CPU time, 500 lines a second: call it in a thread. Nothing in a text is
read as markup. The layout is in `papers.typ`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
import typst
from babel.numbers import format_currency, get_currency_precision

from gateways.barcodes import code128_bars
from gateways.pdf_text import LONG_WORD, is_right_to_left, paper_fonts, printable

TEMPLATE = Path(__file__).resolve().parent / "papers.typ"
MAX_LINES = 500
"""Lines beyond these are counted at the end of a paper."""
TIME_FORMAT = "%Y-%m-%d %H:%M"
NARROW_COLUMN = 14
"""Characters that fit into a column of 26 mm."""
Text = dict[str, Any]


@dataclass(frozen=True, slots=True)
class PackingSlipLine:
    """A product of a packing slip, with ordered and packed units.

    A line with `quantity` 0 is the substitute of the line above it.
    """

    name: str
    code: str
    aisle: str
    quantity: int
    packed_quantity: int
    packed_weight_grams: int | None = None

    @property
    def packed(self) -> str:
        """Packed units, with their weight for products that are sold by weight."""
        if self.packed_weight_grams is None:
            return str(self.packed_quantity)
        return f"{self.packed_quantity} ({self.packed_weight_grams} g)"


@dataclass(frozen=True, slots=True)
class PackingSlip:
    """The packing slip of an order."""

    order_code: str
    store_name: str
    customer_name: str
    bags: int
    at: datetime
    lines: Sequence[PackingSlipLine]


@dataclass(frozen=True, slots=True)
class ManifestOrder:
    """An order in a pickup manifest: its bags wait in the store."""

    order_code: str
    customer_name: str
    bags: int
    rider_name: str


@dataclass(frozen=True, slots=True)
class PickupManifest:
    """All orders that wait in a store for riders."""

    store_name: str
    at: datetime
    orders: Sequence[ManifestOrder]


@dataclass(frozen=True, slots=True)
class ReceiptLine:
    """A product on a receipt; sums in minor units."""

    name: str
    quantity: int
    unit_price_minor: int
    total_minor: int
    grams: int | None = None
    price_per_kilogram_minor: int | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """The receipt of a counter sale; sums in minor units, tax included."""

    company_name: str
    store_name: str
    number: int
    at: datetime
    currency: str
    lines: Sequence[ReceiptLine]
    total_minor: int
    tax_minor: int
    tender: str
    cash_received_minor: int | None
    change_minor: int
    terminal_reference: str
    voided: bool


def render_packing_slip(slip: PackingSlip) -> bytes:
    """Render a packing slip on A4, with the order code as a barcode."""
    lines = [
        {
            "instead": not line.quantity,
            "name": _text(line.name),
            "code": _text(line.code, NARROW_COLUMN),
            "aisle": _text(line.aisle, NARROW_COLUMN),
            "ordered": str(line.quantity or ""),
            "packed": line.packed,
        }
        for line in slip.lines[:MAX_LINES]
    ]
    packed_units = sum(line.packed_quantity for line in slip.lines)
    return _render(
        "packing_slip",
        f"Packing slip {slip.order_code}",
        len(slip.lines),
        {
            "order_code": printable(slip.order_code),
            "barcode": code128_bars(slip.order_code),
            "store": _text(slip.store_name),
            "at": f"{slip.at:{TIME_FORMAT}}",
            "customer": _text(slip.customer_name or "the customer"),
            "summary": f"{_count(slip.bags, 'bag')} · {_count(packed_units, 'unit')}",
            "lines": lines,
        },
    )


def render_manifest(manifest: PickupManifest) -> bytes:
    """Render a pickup manifest on A4: a barcode and a signature field for each order."""
    orders = [
        {
            "code": printable(order.order_code),
            "barcode": code128_bars(order.order_code),
            "customer": _text(order.customer_name, NARROW_COLUMN),
            "bags": str(order.bags),
            "rider": _text(order.rider_name, NARROW_COLUMN),
        }
        for order in manifest.orders[:MAX_LINES]
    ]
    count = len(manifest.orders)
    bags = sum(order.bags for order in manifest.orders)
    counts = f"{_count(count, 'order')} · {_count(bags, 'bag')}"
    return _render(
        "manifest",
        "Manifest",
        count,
        {
            "store": _text(manifest.store_name),
            "summary": f"{manifest.at:{TIME_FORMAT}} · {counts}",
            "orders": orders,
        },
    )


def render_receipt(receipt: Receipt) -> bytes:
    """Render a receipt on 80 mm paper, as long as its content."""
    lines = [
        {
            "name": _text(line.name),
            "label": _line_text(line, receipt.currency),
            "amount": _money(line.total_minor, receipt.currency),
        }
        for line in receipt.lines[:MAX_LINES]
    ]
    return _render(
        "receipt",
        f"Receipt {receipt.number}",
        len(receipt.lines),
        {
            "company": _text(receipt.company_name),
            "store": _text(receipt.store_name),
            "summary": f"Receipt {receipt.number} · {receipt.at:{TIME_FORMAT}}",
            "voided": receipt.voided,
            "lines": lines,
            "payments": [
                {"label": printable(label), "amount": amount}
                for label, amount in _payment_rows(receipt)
            ],
            "barcode": code128_bars(f"{receipt.number:08}"),
        },
    )


def _render(kind: str, title: str, line_count: int, content: dict[str, Any]) -> bytes:
    fonts = paper_fonts()
    left = line_count - MAX_LINES
    paper = {
        "kind": kind,
        "title": printable(title),
        "more": f"and {_count(left, 'line')} more" if left > 0 else "",
        **content,
    }
    paper["fonts"] = fonts.families_for(orjson.dumps(paper).decode())
    compiler = typst.Compiler(
        root=str(TEMPLATE.parent), font_paths=fonts.files, ignore_system_fonts=True
    )
    pdf = compiler.compile(
        TEMPLATE.read_bytes(),
        format="pdf",
        sys_inputs={"paper": orjson.dumps(paper).decode()},
        timestamp=0,
        pdf_tags=False,
    )
    if not isinstance(pdf, bytes):
        raise TypeError("a paper is one file")
    return pdf


def _text(text: str, long_word: int = LONG_WORD) -> Text:
    shown = printable(text, long_word)
    return {"text": shown, "rtl": is_right_to_left(shown)}


def _count(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _line_text(line: ReceiptLine, currency: str) -> str:
    if line.grams is None or line.price_per_kilogram_minor is None:
        return f"{line.quantity} x {_money(line.unit_price_minor, currency)}"
    return f"{line.grams / 1000:.3f} kg x {_money(line.price_per_kilogram_minor, currency)}/kg"


def _payment_rows(receipt: Receipt) -> list[list[str]]:
    rows = [
        ["Total", _money(receipt.total_minor, receipt.currency)],
        ["Tax inside", _money(receipt.tax_minor, receipt.currency)],
    ]
    if receipt.cash_received_minor is None:
        return [*rows, [f"Card {receipt.terminal_reference}", rows[0][1]]]
    cash = _money(receipt.cash_received_minor, receipt.currency)
    return [*rows, ["Cash", cash], ["Change", _money(receipt.change_minor, receipt.currency)]]


def _money(minor: int, currency: str) -> str:
    amount = Decimal(minor).scaleb(-get_currency_precision(currency))
    return printable(format_currency(amount, currency, locale="en"))
