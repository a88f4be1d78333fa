"""What the picker has decided of an order stays, whatever is changed."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from models.fulfillment import FulfillmentLine, FulfillmentLineStatus
from services.core.problems import DomainError, Problem
from services.orders.order_snapshots import OrderSnapshot

# A line in one of these states may get more units; only a pending one may get fewer.
RAISABLE = frozenset({FulfillmentLineStatus.PENDING, FulfillmentLineStatus.FOUND})


@dataclass(frozen=True, slots=True, kw_only=True)
class LineAlreadyPicked(Problem):
    """The picker has decided this product already: its quantity stays."""

    product_id: UUID


def check_picked(
    wanted: OrderSnapshot, current: OrderSnapshot, picking: Sequence[FulfillmentLine]
) -> None:
    """Raise DomainError: LineAlreadyPicked for each line that the picker has decided already."""
    old, new = current.units, wanted.units
    numbers = {line.product_id: number for number, line in enumerate(wanted.lines)}
    problems = [
        LineAlreadyPicked(
            path=["input", "lines", *([str(numbers[key])] if key in numbers else [])],
            message=f"{line.name} is picked already: its quantity stays.",
            product_id=key,
        )
        for line in picking
        if not _may_become(line, old.get(key := line.product_id, 0), new.get(key, 0))
    ]
    if problems:
        raise DomainError(*problems)


def _may_become(line: FulfillmentLine, old: int, new: int) -> bool:
    if new == old:
        return True
    if new > old:
        return line.status in RAISABLE
    return line.status is FulfillmentLineStatus.PENDING and line.picked_quantity == 0
