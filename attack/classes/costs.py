"""Callers who spend what they have on whatever takes most for each unit."""

from collections.abc import Sequence

from attack.figures import Effort, Figure
from attack.target import Target
from tests.support.production.price_run import MAX_RATIO, measure_prices

SHOWN = 3


async def attack(target: Target, effort: Effort) -> Sequence[Figure]:
    """Measure the CPU of everything that can be asked for, beside that of the storefront."""
    rows = await measure_prices(target, short=effort.short)
    worst = [Figure(f"CPU a unit: {row.name}", row.ratio, MAX_RATIO, "x") for row in rows[:SHOWN]]
    return [Figure("kinds of work that were measured", len(rows), 1, at_least=True), *worst]
