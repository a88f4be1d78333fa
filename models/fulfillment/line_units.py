"""How the ordered units of one line of a pick list are divided.

This module alone says what of a line is still to be picked, in the bag, not found, or off the
books: once for rows in memory (`divide_units`), and once as SQL (`units_sql`).
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LineUnits:
    """Where the units of a line are; the four numbers sum to its quantity.

    `picked` units are in the bag. `remaining` ones are sold, on the shelf, and still to be picked.
    `lost` ones are sold and were not found. `unfit` ones were damaged and not replaced: their sale
    is undone.
    """

    picked: int
    remaining: int
    lost: int
    unfit: int

    @property
    def missing(self) -> int:
        """Units that were looked for and not picked."""
        return self.lost + self.unfit

    @property
    def unpicked(self) -> int:
        """Sold units that no bag has: their batches still count them."""
        return self.remaining + self.lost


def divide_units(quantity: int, picked: int, damaged: int, *, is_pending: bool) -> LineUnits:
    """Divide the units of a line, of which `damaged` ones were found unfit, also replaced ones.

    A line that is pending has no missing unit: what is not picked is still to be picked, also when
    more units were ordered after others were picked.
    """
    rest = quantity - picked
    if is_pending:
        return LineUnits(picked, remaining=rest, lost=0, unfit=0)
    unfit = min(damaged, rest)
    return LineUnits(picked, remaining=0, lost=rest - unfit, unfit=unfit)


@dataclass(frozen=True, slots=True)
class UnitsSql:
    """The numbers of `LineUnits`, and the sold units, as SQL of one row of fulfillment_line."""

    remaining: str
    lost: str
    unpicked: str
    sold: str


def units_sql(line: str) -> UnitsSql:
    """SQL of the units of the row with the alias `line`."""
    pending, rest = f"{line}.status = 'PENDING'", f"({line}.quantity - {line}.picked_quantity)"
    unfit = f"case when {pending} then 0 else least({line}.damaged_quantity, {rest}) end"
    return UnitsSql(
        remaining=f"(case when {pending} then {rest} else 0 end)",
        lost=f"(case when {pending} then 0 else greatest({rest} - {line}.damaged_quantity, 0) end)",
        unpicked=f"({rest} - {unfit})",
        sold=f"({line}.quantity - {unfit})",
    )
