"""Renders packing slips, pickup manifests and receipts as PDF, with ReportLab.

Rendering takes about 10 ms of CPU time: call it in a thread.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from io import BytesIO
from typing import Any

from babel.numbers import format_currency, get_currency_precision
from reportlab.graphics.barcode.code128 import Code128
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.platypus import Flowable, SimpleDocTemplate, Spacer, Table, TableStyle

from gateways.pdf_text import TEXT_COLOR, paragraph

MARGIN_POINTS = 15 * mm
RECEIPT_WIDTH_POINTS = 80 * mm
RECEIPT_MARGIN_POINTS = 5 * mm
FRAME_PADDING_POINTS = 6.0  # ReportLab adds this padding to every margin
LIGHT_GREY = colors.HexColor("#d5d5d5")
TIME_FORMAT = "%Y-%m-%d %H:%M"

Cells = Sequence[Any]


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
    packed_grams: int | None = None

    @property
    def title(self) -> str:
        return self.name if self.quantity else f"Instead: {self.name}"

    @property
    def packed(self) -> str:
        """Packed units, with their weight for products that are sold by weight."""
        if self.packed_grams is None:
            return str(self.packed_quantity)
        return f"{self.packed_quantity} ({self.packed_grams} g)"


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
    kilo_price_minor: int | None = None


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
    headers = ["", "Product", "Code", "Aisle", "Ordered", "Packed"]
    rows = [
        [_checkbox(), line.title, line.code, line.aisle, str(line.quantity or ""), line.packed]
        for line in slip.lines
    ]
    packed_units = sum(line.packed_quantity for line in slip.lines)
    bags = "1 bag" if slip.bags == 1 else f"{slip.bags} bags"
    return _document(
        f"Packing slip {slip.order_code}",
        [
            _heading(slip.order_code, f"{slip.store_name} · {slip.at:{TIME_FORMAT}}"),
            Spacer(0, 4 * mm),
            paragraph(f"For {slip.customer_name or 'the customer'}", 12, bold=True),
            paragraph(f"{bags} · {packed_units} units", 10),
            Spacer(0, 4 * mm),
            _grid(
                headers, rows, [8 * mm, 73 * mm, 32 * mm, 26 * mm, 18 * mm, 23 * mm], right=(4, 5)
            ),
        ],
    )


def render_manifest(manifest: PickupManifest) -> bytes:
    """Render a pickup manifest on A4: a barcode and a signature field for each order."""
    headers = ["Order", "Barcode", "For", "Bags", "Rider", "Signature"]
    rows: list[list[Any]] = [
        [one.order_code, _barcode(one.order_code, 9 * mm, 0.26 * mm), one.customer_name,
         str(one.bags), one.rider_name, ""]
        for one in manifest.orders
    ]  # fmt: skip
    bags = sum(one.bags for one in manifest.orders)
    count = len(manifest.orders)
    return _document(
        f"Manifest {manifest.store_name}",
        [
            paragraph(f"Manifest · {manifest.store_name}", 16, bold=True),
            Spacer(0, 2 * mm),
            paragraph(f"{manifest.at:{TIME_FORMAT}} · {count} orders · {bags} bags", 10),
            Spacer(0, 5 * mm),
            _grid(
                headers, rows, [24 * mm, 46 * mm, 34 * mm, 12 * mm, 32 * mm, 32 * mm], right=(3,)
            ),
        ],
    )


def render_receipt(receipt: Receipt) -> bytes:
    """Render a receipt on 80 mm paper, as long as its content."""
    inner_width = RECEIPT_WIDTH_POINTS - 2 * RECEIPT_MARGIN_POINTS
    flow: list[Flowable] = [
        paragraph(receipt.company_name, 12, bold=True),
        paragraph(receipt.store_name, 8),
        paragraph(f"Receipt {receipt.number} · {receipt.at:{TIME_FORMAT}}", 8),
        *([paragraph("VOID", 14, bold=True)] if receipt.voided else []),
        Spacer(0, 3 * mm),
        *([_amount_table(_line_rows(receipt), inner_width)] if receipt.lines else []),
        Spacer(0, 2 * mm),
        _amount_table(_payment_rows(receipt), inner_width, total=True),
        Spacer(0, 3 * mm),
        _barcode(f"{receipt.number:08}", 10 * mm, 0.3 * mm),
    ]
    height = (
        sum(part.wrap(inner_width, 10_000)[1] for part in flow)
        + 2 * RECEIPT_MARGIN_POINTS
        + 12 * mm
    )
    size = (RECEIPT_WIDTH_POINTS, max(height, 60 * mm))
    return _document(f"Receipt {receipt.number}", flow, size, RECEIPT_MARGIN_POINTS)


def _line_rows(receipt: Receipt) -> list[list[str]]:
    rows = []
    for line in receipt.lines:
        total = _money(line.total_minor, receipt.currency)
        rows.append([_line_text(line, receipt.currency), total])
    return rows


def _line_text(line: ReceiptLine, currency: str) -> str:
    if line.grams is None or line.kilo_price_minor is None:
        return f"{line.quantity} x {line.name} @ {_money(line.unit_price_minor, currency)}"
    kilo_price = _money(line.kilo_price_minor, currency)
    return f"{line.grams / 1000:.3f} kg {line.name} @ {kilo_price}/kg"


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
    return format_currency(amount, currency, locale="en")


def _document(
    title: str,
    flow: list[Flowable],
    size: tuple[float, float] = A4,
    margin: float = MARGIN_POINTS,
) -> bytes:
    buffer = BytesIO()
    sides = ("leftMargin", "rightMargin", "topMargin", "bottomMargin")
    margins = dict.fromkeys(sides, margin - FRAME_PADDING_POINTS)
    SimpleDocTemplate(buffer, pagesize=size, title=title, invariant=1, **margins).build(flow)
    return buffer.getvalue()


def _heading(code: str, subtitle: str) -> Table:
    left = [paragraph(code, 22, bold=True), Spacer(0, 3 * mm), paragraph(subtitle, 9)]
    table = Table([[left, _barcode(code, 16 * mm, 0.4 * mm)]], colWidths=[100 * mm, 80 * mm])
    table.setStyle(TableStyle([("VALIGN", (0, 0), (-1, -1), "TOP"),
                               ("LEFTPADDING", (0, 0), (-1, -1), 0),
                               ("ALIGN", (1, 0), (1, 0), "RIGHT")]))  # fmt: skip
    return table


def _barcode(text: str, height: float, bar_width: float) -> Code128:
    return Code128(text, barHeight=height, barWidth=bar_width, quiet=False, humanReadable=False)


def _checkbox() -> Table:
    """An empty checkbox."""
    box = Table([[""]], colWidths=[3.5 * mm], rowHeights=[3.5 * mm])
    box.setStyle(TableStyle([("BOX", (0, 0), (-1, -1), 0.7, TEXT_COLOR)]))
    return box


def _grid(headers: Cells, rows: Sequence[Cells], widths: Cells, right: Sequence[int]) -> Table:
    """A table whose header row is repeated on every page."""
    cells = [
        [paragraph(header, 8, bold=True, right=n in right) for n, header in enumerate(headers)]
    ]
    cells += [
        [
            paragraph(cell, 9, right=n in right) if isinstance(cell, str) else cell
            for n, cell in enumerate(row)
        ]
        for row in rows
    ]
    table = Table(cells, colWidths=widths, repeatRows=1, hAlign="LEFT")
    table.setStyle(
        TableStyle(
            [
                ("LINEBELOW", (0, 0), (-1, 0), 0.8, TEXT_COLOR),
                ("LINEBELOW", (0, 1), (-1, -1), 0.4, LIGHT_GREY),
                ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
                ("LEFTPADDING", (0, 0), (-1, -1), 0),
                ("RIGHTPADDING", (0, 0), (-1, -1), 6),
            ]
        )
    )
    return table


def _amount_table(rows: Sequence[Sequence[str]], width: float, *, total: bool = False) -> Table:
    cells = [
        [
            paragraph(one, 8, bold=total and n == 0),
            paragraph(amount, 8, bold=total and n == 0, right=True),
        ]
        for n, (one, amount) in enumerate(rows)
    ]
    table = Table(cells, colWidths=[width - 24 * mm, 24 * mm])
    rule = [("LINEABOVE", (0, 0), (-1, 0), 0.6, TEXT_COLOR)] if total else []
    horizontal = [("LEFTPADDING", (0, 0), (-1, -1), 0), ("RIGHTPADDING", (0, 0), (-1, -1), 0)]
    vertical = [("TOPPADDING", (0, 0), (-1, -1), 1), ("BOTTOMPADDING", (0, 0), (-1, -1), 1)]
    table.setStyle(TableStyle([*rule, *horizontal, *vertical, ("VALIGN", (0, 0), (-1, -1), "TOP")]))
    return table
