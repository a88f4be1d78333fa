"""Inputs of transfer mutations."""

from collections.abc import Sequence

import strawberry

from models.catalog import Product
from services.core.problems import DomainError, InvalidInput, parse_id
from services.transfers.arrivals import TransferDiscrepancy
from services.transfers.transfer_lines import MAX_LINES, LineQuantity

TRANSFER = "The transfer."
VERSION = "The version that the caller has read; VersionConflict if it has changed since."
NOTE = "The reason, at most 200 characters."


@strawberry.input(description="A product and its quantity.")
class TransferLineInput:
    product_id: strawberry.ID = strawberry.field(description="A product of the company.")
    quantity: int = strawberry.field(description="Units, at most 100,000.")


@strawberry.input(description="Input of `transferRequest`.")
class TransferRequestInput:
    source_store_id: strawberry.ID = strawberry.field(description="The source store.")
    destination_store_id: strawberry.ID = strawberry.field(
        description="The destination store. The caller works in one of the two stores."
    )
    lines: list[TransferLineInput] = strawberry.field(
        description="From 1 to 200 products, each once."
    )
    note: str = strawberry.field(
        default="", description="Note for the other store, at most 200 characters."
    )


@strawberry.input
class TransferStep:
    """A transfer, and the version that the caller has read."""

    transfer_id: strawberry.ID = strawberry.field(description=TRANSFER)
    expected_version: int | None = strawberry.field(default=None, description=VERSION)


@strawberry.input(description="Input of `transferApprove`.")
class TransferApproveInput(TransferStep):
    pass


@strawberry.input(description="Input of `transferStartPicking`.")
class TransferStartPickingInput(TransferStep):
    pass


@strawberry.input(description="Input of `transferReject`.")
class TransferRejectInput(TransferStep):
    note: str = strawberry.field(default="", description=NOTE)


@strawberry.input(description="Input of `transferCancel`.")
class TransferCancelInput(TransferStep):
    note: str = strawberry.field(default="", description=NOTE)


@strawberry.input(description="Input of `transferShip`.")
class TransferShipInput:
    transfer_id: strawberry.ID = strawberry.field(description=TRANSFER)
    lines: list[TransferLineInput] | None = strawberry.field(
        default=None,
        description="Shipped units of each product; all requested units if left out.",
    )
    expected_version: int | None = strawberry.field(default=None, description=VERSION)

    def to_lines(self) -> Sequence[LineQuantity] | None:
        return None if self.lines is None else to_line_quantities(self.lines)


@strawberry.input(description="A product of which units are damaged or missing.")
class TransferDiscrepancyInput:
    product_id: strawberry.ID = strawberry.field(description="A product that was shipped.")
    received: int = strawberry.field(description="Intact units.")
    damaged: int = strawberry.field(default=0, description="Damaged units; the rest is missing.")
    batch_code: str | None = strawberry.field(
        default=None, description="The batch; by default those that expire first."
    )


@strawberry.input(
    description="Input of `transferReceive`. Units that expired on the way are set aside."
)
class TransferReceiveInput:
    transfer_id: strawberry.ID = strawberry.field(description=TRANSFER)
    discrepancies: list[TransferDiscrepancyInput] = strawberry.field(
        default_factory=list,
        description="Damaged and missing units; all others arrived intact.",
    )
    expected_version: int | None = strawberry.field(default=None, description=VERSION)

    def to_discrepancies(self) -> list[TransferDiscrepancy]:
        """The discrepancies for the service.

        Raises DomainError: NotFound for invalid ids, InvalidInput.
        """
        check_line_count(len(self.discrepancies), "discrepancies")
        return [
            TransferDiscrepancy(
                parse_id(Product, line.product_id, "discrepancies", str(nth), "productId"),
                line.received,
                line.damaged,
                line.batch_code,
            )
            for nth, line in enumerate(self.discrepancies)
        ]


def to_line_quantities(lines: Sequence[TransferLineInput]) -> list[LineQuantity]:
    """The lines for the service.

    Raises DomainError: NotFound for invalid ids, InvalidInput for too many.
    """
    check_line_count(len(lines), "lines")
    return [
        LineQuantity(
            parse_id(Product, line.product_id, "lines", str(nth), "productId"), line.quantity
        )
        for nth, line in enumerate(lines)
    ]


def check_line_count(count: int, field: str) -> None:
    """Raise InvalidInput for too many lines, before any is decoded."""
    if count > MAX_LINES:
        message = f"There are at most {MAX_LINES} lines."
        raise DomainError(InvalidInput(path=["input", field], message=message))
