"""Paper: packing slips, manifests and receipts as PDF, drawn by ReportLab and by nobody else.

Drawing takes some ten milliseconds of a processor: ask for it in a thread.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from typing import Any

from babel.numbers import format_currency, get_currency_precision
from reportlab.graphics.barcode.code128 import Code128
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.platypus import Flowable, SimpleDocTemplate, Spacer, Table, TableStyle

from gateways.lettering import INK
from gateways.lettering import text as _text

MARGIN = 15 * mm
RECEIPT_WIDTH = 80 * mm
RECEIPT_MARGIN = 5 * mm
FRAME_PADDING = 6.0  # points, which ReportLab adds to every margin
PALE = colors.HexColor("#d5d5d5")
TIME = "%Y-%m-%d %H:%M"

Cells = Sequence[Any]


@dataclass(frozen=True, slots=True)
class SlipLine:
    """A product of a packing slip: where it lay, how many were ordered and how many are inside.

    What nobody ordered is inside instead of what stands above it.
    """

    name: str
    code: str
    aisle: str
    quantity: int
    packed_quantity: int
    packed_grams: int | None = None

    @property
    def title(self) -> str:
        return self.name if self.quantity else f"Instead: {self.name}"

    @property
    def packed(self) -> str:
        """How many are inside, and what they weigh where they were weighed."""
        if self.packed_grams is None:
            return str(self.packed_quantity)
        return f"{self.packed_quantity} ({self.packed_grams} g)"


@dataclass(frozen=True, slots=True)
class Slip:
    """What lies with an order's bags."""

    order_code: str
    store_name: str
    customer_name: str
    bags: int
    at: datetime
    lines: Sequence[SlipLine]


@dataclass(frozen=True, slots=True)
class Parcel:
    """An order whose bags wait in a store."""

    order_code: str
    customer_name: str
    bags: int
    rider_name: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """All that waits in a store to be fetched."""

    store_name: str
    at: datetime
    parcels: Sequence[Parcel]


@dataclass(frozen=True, slots=True)
class ReceiptLine:
    """A product on a receipt; sums in minor units."""

    name: str
    quantity: int
    unit_price_minor: int
    total_minor: int
    grams: int | None = None
    kilo_price_minor: int | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a customer takes home from the counter; sums in minor units, tax included."""

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


def packing_slip(slip: Slip) -> bytes:
    """One order's slip on A4, its code as a barcode too."""
    head = ["", "Product", "Code", "Aisle", "Ordered", "Packed"]
    rows = [
        [_box(), line.title, line.code, line.aisle, str(line.quantity or ""), line.packed]
        for line in slip.lines
    ]
    inside = sum(line.packed_quantity for line in slip.lines)
    bags = "1 bag" if slip.bags == 1 else f"{slip.bags} bags"
    return _sheet(
        f"Packing slip {slip.order_code}",
        [
            _title(slip.order_code, f"{slip.store_name} · {slip.at:{TIME}}"),
            Spacer(0, 4 * mm),
            _text(f"For {slip.customer_name or 'the customer'}", 12, bold=True),
            _text(f"{bags} · {inside} units", 10),
            Spacer(0, 4 * mm),
            _grid(head, rows, [8 * mm, 73 * mm, 32 * mm, 26 * mm, 18 * mm, 23 * mm], right=(4, 5)),
        ],
    )


def manifest(manifest: Manifest) -> bytes:
    """What riders fetch from a store, on A4: a barcode and a place to sign for each order."""
    head = ["Order", "Barcode", "For", "Bags", "Rider", "Signature"]
    rows: list[list[Any]] = [
        [one.order_code, _bars(one.order_code, 9 * mm, 0.26 * mm), one.customer_name,
         str(one.bags), one.rider_name, ""]
        for one in manifest.parcels
    ]  # fmt: skip
    bags = sum(one.bags for one in manifest.parcels)
    count = len(manifest.parcels)
    return _sheet(
        f"Manifest {manifest.store_name}",
        [
            _text(f"Manifest · {manifest.store_name}", 16, bold=True),
            Spacer(0, 2 * mm),
            _text(f"{manifest.at:{TIME}} · {count} orders · {bags} bags", 10),
            Spacer(0, 5 * mm),
            _grid(head, rows, [24 * mm, 46 * mm, 34 * mm, 12 * mm, 32 * mm, 32 * mm], right=(3,)),
        ],
    )


def receipt(receipt: Receipt) -> bytes:
    """A receipt of the counter, as wide as a till's paper and as long as it has to be."""
    inner = RECEIPT_WIDTH - 2 * RECEIPT_MARGIN
    flow: list[Flowable] = [
        _text(receipt.company_name, 12, bold=True),
        _text(receipt.store_name, 8),
        _text(f"Receipt {receipt.number} · {receipt.at:{TIME}}", 8),
        *([_text("VOID", 14, bold=True)] if receipt.voided else []),
        Spacer(0, 3 * mm),
        *([_sums(_goods(receipt), inner)] if receipt.lines else []),
        Spacer(0, 2 * mm),
        _sums(_paid(receipt), inner, total=True),
        Spacer(0, 3 * mm),
        _bars(f"{receipt.number:08}", 10 * mm, 0.3 * mm),
    ]
    height = sum(part.wrap(inner, 10_000)[1] for part in flow) + 2 * RECEIPT_MARGIN + 12 * mm
    size = (RECEIPT_WIDTH, max(height, 60 * mm))
    return _sheet(f"Receipt {receipt.number}", flow, size, RECEIPT_MARGIN)


def _goods(receipt: Receipt) -> list[list[str]]:
    rows = []
    for line in receipt.lines:
        total = _money(line.total_minor, receipt.currency)
        rows.append([_sold(line, receipt.currency), total])
    return rows


def _sold(line: ReceiptLine, currency: str) -> str:
    if line.grams is None or line.kilo_price_minor is None:
        return f"{line.quantity} x {line.name} @ {_money(line.unit_price_minor, currency)}"
    kilo = _money(line.kilo_price_minor, currency)
    return f"{line.grams / 1000:.3f} kg {line.name} @ {kilo}/kg"


def _paid(receipt: Receipt) -> list[list[str]]:
    rows = [
        ["Total", _money(receipt.total_minor, receipt.currency)],
        ["Tax inside", _money(receipt.tax_minor, receipt.currency)],
    ]
    if receipt.cash_received_minor is None:
        return [*rows, [f"Card {receipt.terminal_reference}", rows[0][1]]]
    cash = _money(receipt.cash_received_minor, receipt.currency)
    return [*rows, ["Cash", cash], ["Change", _money(receipt.change_minor, receipt.currency)]]


def _money(minor: int, currency: str) -> str:
    return format_currency(minor / 10 ** get_currency_precision(currency), currency, locale="en")


def _sheet(
    title: str,
    flow: list[Flowable],
    size: tuple[float, float] = A4,
    margin: float = MARGIN,
) -> bytes:
    paper = BytesIO()
    sides = ("leftMargin", "rightMargin", "topMargin", "bottomMargin")
    edges = dict.fromkeys(sides, margin - FRAME_PADDING)
    SimpleDocTemplate(paper, pagesize=size, title=title, invariant=1, **edges).build(flow)
    return paper.getvalue()


def _title(code: str, about: str) -> Table:
    left = [_text(code, 22, bold=True), Spacer(0, 3 * mm), _text(about, 9)]
    table = Table([[left, _bars(code, 16 * mm, 0.4 * mm)]], colWidths=[100 * mm, 80 * mm])
    table.setStyle(TableStyle([("VALIGN", (0, 0), (-1, -1), "TOP"),
                               ("LEFTPADDING", (0, 0), (-1, -1), 0),
                               ("ALIGN", (1, 0), (1, 0), "RIGHT")]))  # fmt: skip
    return table


def _bars(text: str, height: float, bar: float) -> Code128:
    return Code128(text, barHeight=height, barWidth=bar, quiet=False, humanReadable=False)


def _box() -> Table:
    """An empty square to tick."""
    box = Table([[""]], colWidths=[3.5 * mm], rowHeights=[3.5 * mm])
    box.setStyle(TableStyle([("BOX", (0, 0), (-1, -1), 0.7, INK)]))
    return box


def _grid(head: Cells, rows: Sequence[Cells], widths: Cells, right: Sequence[int]) -> Table:
    """A table whose head is repeated on every page."""
    cells = [[_text(one, 8, bold=True, right=n in right) for n, one in enumerate(head)]]
    cells += [
        [_text(x, 9, right=n in right) if isinstance(x, str) else x for n, x in enumerate(row)]
        for row in rows
    ]
    table = Table(cells, colWidths=widths, repeatRows=1, hAlign="LEFT")
    table.setStyle(
        TableStyle(
            [
                ("LINEBELOW", (0, 0), (-1, 0), 0.8, INK),
                ("LINEBELOW", (0, 1), (-1, -1), 0.4, PALE),
                ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
                ("LEFTPADDING", (0, 0), (-1, -1), 0),
                ("RIGHTPADDING", (0, 0), (-1, -1), 6),
            ]
        )
    )
    return table


def _sums(rows: Sequence[Sequence[str]], width: float, *, total: bool = False) -> Table:
    cells = [
        [_text(one, 8, bold=total and n == 0), _text(amount, 8, bold=total and n == 0, right=True)]
        for n, (one, amount) in enumerate(rows)
    ]
    table = Table(cells, colWidths=[width - 24 * mm, 24 * mm])
    lines = [("LINEABOVE", (0, 0), (-1, 0), 0.6, INK)] if total else []
    edges = [("LEFTPADDING", (0, 0), (-1, -1), 0), ("RIGHTPADDING", (0, 0), (-1, -1), 0)]
    flat = [("TOPPADDING", (0, 0), (-1, -1), 1), ("BOTTOMPADDING", (0, 0), (-1, -1), 1)]
    table.setStyle(TableStyle([*lines, *edges, *flat, ("VALIGN", (0, 0), (-1, -1), "TOP")]))
    return table
