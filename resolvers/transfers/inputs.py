from collections.abc import Sequence

import strawberry

from models.catalog import Product
from services.core.problems import InvalidInput, Refused, key_of
from services.transfers.arrivals import Difference
from services.transfers.transfer_lines import LINES, Wanted

TRANSFER = "The transfer."
VERSION = "The version you saw: refused with VersionConflict when somebody changed it since."
NOTE = "Why, in a line of at most 200 characters."


@strawberry.input(description="A product and how many units of it.")
class TransferLineInput:
    product_id: strawberry.ID = strawberry.field(description="A product of the company.")
    quantity: int = strawberry.field(description="Units, at most 100,000.")


@strawberry.input(description="Goods that one store is to give to another of its company.")
class TransferRequestInput:
    source_id: strawberry.ID = strawberry.field(description="The store that gives.")
    destination_id: strawberry.ID = strawberry.field(
        description="The store that gets. You work in one of the two."
    )
    lines: list[TransferLineInput] = strawberry.field(
        description="From 1 to 200 products, each once."
    )
    note: str = strawberry.field(
        default="", description="A line for the other store, at most 200 characters."
    )


@strawberry.input(description="A transfer to take a step with.")
class TransferStepInput:
    transfer_id: strawberry.ID = strawberry.field(description=TRANSFER)
    expected_version: int | None = strawberry.field(default=None, description=VERSION)


@strawberry.input(description="A transfer to turn down or call off.")
class TransferEndInput:
    transfer_id: strawberry.ID = strawberry.field(description=TRANSFER)
    note: str = strawberry.field(default="", description=NOTE)
    expected_version: int | None = strawberry.field(default=None, description=VERSION)


@strawberry.input(description="Goods that leave the source.")
class TransferShipInput:
    transfer_id: strawberry.ID = strawberry.field(description=TRANSFER)
    lines: list[TransferLineInput] | None = strawberry.field(
        default=None,
        description="How many of each product go; left out, all that was asked for goes.",
    )
    expected_version: int | None = strawberry.field(default=None, description=VERSION)

    def going(self) -> Sequence[Wanted] | None:
        return None if self.lines is None else wanted(self.lines)


@strawberry.input(description="A product that did not arrive whole.")
class TransferDifferenceInput:
    product_id: strawberry.ID = strawberry.field(description="A product that was shipped.")
    received: int = strawberry.field(description="Units that are there and whole.")
    damaged: int = strawberry.field(
        default=0, description="Units that are there and can't be sold; the rest is missing."
    )
    batch_code: str | None = strawberry.field(
        default=None, description="Only this batch of it; else those that expire first come first."
    )


@strawberry.input(description="Goods that arrive.")
class TransferReceiveInput:
    transfer_id: strawberry.ID = strawberry.field(description=TRANSFER)
    differences: list[TransferDifferenceInput] = strawberry.field(
        default_factory=list,
        description="What did not arrive as it was shipped; all else has arrived whole.",
    )
    expected_version: int | None = strawberry.field(default=None, description=VERSION)

    def said(self) -> list[Difference]:
        """The differences in the services' terms; refused for ids that are none."""
        short(len(self.differences), "differences")
        return [
            Difference(
                key_of(Product, one.product_id, "differences", str(nth), "productId"),
                one.received,
                one.damaged,
                one.batch_code,
            )
            for nth, one in enumerate(self.differences)
        ]


def wanted(lines: Sequence[TransferLineInput]) -> list[Wanted]:
    """The lines in the services' terms; refused for ids that are none."""
    short(len(lines), "lines")
    return [
        Wanted(key_of(Product, one.product_id, "lines", str(nth), "productId"), one.quantity)
        for nth, one in enumerate(lines)
    ]


def short(count: int, field: str) -> None:
    """Too many are refused before any of them is read."""
    if count > LINES:
        said = f"There are at most {LINES} lines."
        raise Refused(InvalidInput(path=["input", field], message=said))
