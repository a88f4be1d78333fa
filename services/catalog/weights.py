"""Prices and weight checks of products sold by weight.

The price is per kilogram, in minor units, tax included; weights are whole grams. All amounts are
rounded the same way: price * grams / 1000, half up to the minor unit, once per weighing, and at
least one minor unit. A piece is shown and ordered at its estimated weight. The charge follows the
scale, up to the authorization buffer beyond the estimate. Stock of such products counts pieces,
because staff stock, pick and count pieces without weighing them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from models.message_text import number_text
from models.orders import OrderLine
from services.core.problems import DomainError, InvalidInput, Problem

GRAMS_PER_KILOGRAM = 1000
MAX_UNIT_GRAMS = 50_000
MAX_SCALE_GRAMS = 1_000_000
BASIS_POINTS = 10_000
PLAUSIBLE_WEIGHT_FACTOR = 4
"""A piece weighs between its estimate divided by this and its estimate times this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TooHeavy(Problem):
    """The weight is implausibly high for the pieces, or its price exceeds the authorization."""

    min_grams: int
    max_grams: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TooLight(Problem):
    """The weight is implausibly low for the pieces: a digit or a piece is missing."""

    min_grams: int
    max_grams: int


def weight_price(price_per_kilogram_minor: int, grams: int) -> int:
    """Return the price of a weight in minor units, at least 1."""
    return max(
        1, (price_per_kilogram_minor * grams + GRAMS_PER_KILOGRAM // 2) // GRAMS_PER_KILOGRAM
    )


def piece_price(price_per_kilogram_minor: int, average_weight_grams: int) -> int:
    """Return the price of one piece of the estimated weight."""
    return weight_price(price_per_kilogram_minor, average_weight_grams)


def price_per_kilogram(piece_price_minor: int, average_weight_grams: int) -> int:
    """Return the price per kilogram at which a piece keeps its price."""
    return max(
        1,
        (piece_price_minor * GRAMS_PER_KILOGRAM + average_weight_grams // 2)
        // average_weight_grams,
    )


def authorization_buffer_of(estimate_minor: int, authorization_buffer_basis_points: int) -> int:
    """Return the amount that may be charged beyond an estimate, rounded down for the customer."""
    return estimate_minor * authorization_buffer_basis_points // BASIS_POINTS


def max_grams(line: OrderLine, pieces: int) -> int:
    """Return the highest weight of the pieces whose price is within the authorized amount.

    Each piece has its share of the line's estimate and authorization buffer.
    """
    if line.price_per_kilogram_minor is None:
        raise ValueError("it is sold by the piece")
    limit_minor = (
        pieces * line.unit_price_minor + line.authorization_buffer_minor * pieces // line.quantity
    )
    # The highest weight whose price, rounded half up, is within the limit: price <= limit means
    # price_per_kilogram * grams < 1000 * limit + 500.
    return (
        GRAMS_PER_KILOGRAM * limit_minor + GRAMS_PER_KILOGRAM // 2 - 1
    ) // line.price_per_kilogram_minor


def line_charge(line: OrderLine, pieces: int, grams: int | None) -> int:
    """Return the charge for picked pieces of an order line, by weight if it is sold by weight."""
    if line.price_per_kilogram_minor is None or grams is None:
        return pieces * line.unit_price_minor
    return weight_price(line.price_per_kilogram_minor, grams)


def min_grams(average_weight_grams: int, pieces: int) -> int:
    """Return the lowest plausible weight of the pieces; less is a typing error."""
    return -(-average_weight_grams * pieces // PLAUSIBLE_WEIGHT_FACTOR)


def validate_grams(
    average_weight_grams: int | None,
    pieces: int,
    grams: int | None,
    *path: str,
    limit_grams: int | None = None,
) -> int | None:
    """Return the validated weight of the pieces, None for products sold by the piece.

    `average_weight_grams` is the average weight of a piece, None if sold by the piece. Raises
    DomainError:
    InvalidInput if a required weight is missing or one is given without need, TooLight or TooHeavy
    if the weight is implausible or more than `limit_grams`.
    """
    problem = find_weight_problem(
        average_weight_grams, pieces, grams, ["input", *path], limit_grams
    )
    if problem is not None:
        raise DomainError(problem)
    return grams if average_weight_grams and pieces else None


def find_weight_problem(
    average_weight_grams: int | None,
    pieces: int,
    grams: int | None,
    path: Sequence[str],
    limit_grams: int | None = None,
) -> InvalidInput | TooLight | TooHeavy | None:
    """Return the problem with the weight of the pieces, if there is one."""
    if not average_weight_grams or not pieces:
        message = "Nothing is weighed here: leave the grams out."
        return None if grams is None else InvalidInput(path=[*path], message=message)
    if grams is None or not 1 <= grams <= MAX_SCALE_GRAMS:
        message = f"Weigh it: from 1 to {number_text(MAX_SCALE_GRAMS)} grams."
        return InvalidInput(path=[*path], message=message)
    least = min_grams(average_weight_grams, pieces)
    plausible = average_weight_grams * pieces * PLAUSIBLE_WEIGHT_FACTOR
    most = plausible if limit_grams is None else limit_grams
    if least <= grams <= most:
        return None
    each, most_text = number_text(average_weight_grams), number_text(most)
    message = (
        f"{pieces} of it, at about {each} grams each, may weigh from {number_text(least)} to"
        f" {most_text} grams."
    )
    problem_type = TooLight if grams < least else TooHeavy
    return problem_type(path=[*path], message=message, min_grams=least, max_grams=most)
