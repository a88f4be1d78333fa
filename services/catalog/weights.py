"""Money for what is sold by weight.

The price is of a kilogram, in minor units, tax included; weights are whole grams. One rule of
rounding holds everywhere: price * grams / 1000, half up to the minor unit, once for what is
weighed together, and never less than one minor unit. A piece is shown and ordered at its estimated
weight. What is charged follows the scale, up to the headroom that was held beyond the
estimate. Stock of such goods counts pieces: a shelf is filled, picked and counted by hand, and no
shelf says how heavy it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from models.orders import OrderLine
from services.core.problems import InvalidInput, Problem, Refused

GRAMS_A_KILO = 1000
UNIT_GRAMS_MOST = 50_000
SCALE_GRAMS_MOST = 1_000_000
BASIS_POINTS = 10_000
PLAUSIBLE_TIMES = 4
"""A piece weighs at least its estimate through this, and at most its estimate times this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TooHeavy(Problem):
    """These pieces can't weigh so much, or it costs more than is held for them."""

    least_grams: int
    most_grams: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TooLight(Problem):
    """These pieces can't weigh so little: a digit is missing, or a piece."""

    least_grams: int
    most_grams: int


def cost(kilo_price_minor: int, grams: int) -> int:
    """What so many grams cost: at least one minor unit."""
    return max(1, (kilo_price_minor * grams + GRAMS_A_KILO // 2) // GRAMS_A_KILO)


def piece_price(kilo_price_minor: int, unit_grams: int) -> int:
    """What one piece of the estimated weight costs."""
    return cost(kilo_price_minor, unit_grams)


def kilo_price(piece_price_minor: int, unit_grams: int) -> int:
    """The price of a kilogram at which a piece costs what it does."""
    return max(1, (piece_price_minor * GRAMS_A_KILO + unit_grams // 2) // unit_grams)


def headroom(estimate_minor: int, headroom_bp: int) -> int:
    """What may be charged beyond an estimate, rounded down in the customer's favor."""
    return estimate_minor * headroom_bp // BASIS_POINTS


def most_grams(line: OrderLine, pieces: int) -> int:
    """How heavy so many pieces of an ordered line may be: beyond it they cost more than is held.

    Each piece brings its share of the estimate and of the headroom.
    """
    if line.kilo_price_minor is None:
        raise ValueError("it is sold by the piece")
    most_minor = pieces * line.unit_price_minor + line.headroom_minor * pieces // line.quantity
    # The heaviest whose cost, rounded half up, is not more: cost <= most means price * grams
    # stays below 1000 * most + 500.
    return (GRAMS_A_KILO * most_minor + GRAMS_A_KILO // 2 - 1) // line.kilo_price_minor


def charge(line: OrderLine, pieces: int, grams: int | None) -> int:
    """What pieces of an ordered line cost in the bag: by the scale where it is sold by weight."""
    if line.kilo_price_minor is None or grams is None:
        return pieces * line.unit_price_minor
    return cost(line.kilo_price_minor, grams)


def least_grams(unit_grams: int, pieces: int) -> int:
    """How light so many pieces may be: below it somebody has mistyped."""
    return -(-unit_grams * pieces // PLAUSIBLE_TIMES)


def on_scale(
    unit_grams: int | None, pieces: int, grams: int | None, *path: str, most: int | None = None
) -> int | None:
    """The grams that count for pieces of a product; None where none are to be said.

    `unit_grams` is what a piece weighs, about; None of what is sold by the piece. Refused with
    InvalidInput: without a weight where there has to be one, and with one elsewhere. Refused with
    TooLight and TooHeavy: where pieces can't weigh that, or more than `most`.
    """
    if (problem := fault(unit_grams, pieces, grams, ["input", *path], most)) is not None:
        raise Refused(problem)
    return grams if unit_grams and pieces else None


def fault(
    unit_grams: int | None,
    pieces: int,
    grams: int | None,
    path: Sequence[str],
    most: int | None = None,
) -> InvalidInput | TooLight | TooHeavy | None:
    """What is wrong with the grams that were said of pieces of a product, if something is."""
    if not unit_grams or not pieces:
        said = "Nothing is weighed here: leave the grams out."
        return None if grams is None else InvalidInput(path=[*path], message=said)
    if grams is None or not 1 <= grams <= SCALE_GRAMS_MOST:
        said = f"Weigh it: from 1 to {SCALE_GRAMS_MOST} grams."
        return InvalidInput(path=[*path], message=said)
    least = least_grams(unit_grams, pieces)
    most = unit_grams * pieces * PLAUSIBLE_TIMES if most is None else most
    if least <= grams <= most:
        return None
    said = f"{pieces} of it, at about {unit_grams} grams, may weigh {least} to {most} grams."
    what = TooLight if grams < least else TooHeavy
    return what(path=[*path], message=said, least_grams=least, most_grams=most)
