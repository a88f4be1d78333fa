"""Rounding of prices by weight, and that no charge exceeds the authorized amount."""

from hypothesis import given
from hypothesis import strategies as st

from models.orders import OrderLine
from services.catalog import weights


@given(st.integers(1, 10**7), st.integers(1, 10**6))
def test_a_price_is_rounded_half_up_to_the_minor_unit(kilo: int, grams: int) -> None:
    rounding = 1000 * weights.weight_price(kilo, grams) - kilo * grams
    assert -500 < rounding <= 500 or kilo * grams < 500
    assert (
        weights.weight_price(15, 100),
        weights.weight_price(14, 100),
        weights.weight_price(499, 1),
    ) == (2, 1, 1)


@given(st.integers(1, 10**6), st.integers(1, 50_000), st.integers(1, 99), st.integers(0, 5000))
def test_the_maximum_weight_is_the_last_one_within_the_authorization(
    kilo: int, grams: int, quantity: int, bp: int
) -> None:
    price = weights.piece_price(kilo, grams)
    line = OrderLine(
        unit_price_minor=price, quantity=quantity, price_per_kilogram_minor=kilo,
        average_weight_grams=grams,
        authorization_buffer_minor=weights.authorization_buffer_of(quantity * price, bp),
    )  # fmt: skip
    for pieces in {1, quantity}:
        limit_minor = pieces * price + line.authorization_buffer_minor * pieces // quantity
        limit_grams = weights.max_grams(line, pieces)
        assert limit_minor < weights.weight_price(kilo, limit_grams + 1)
        if not limit_grams:
            continue  # the limit pays for less than one gram
        assert weights.weight_price(kilo, limit_grams) <= limit_minor
        other_pieces = (quantity - pieces) * price
        assert (
            weights.weight_price(kilo, limit_grams) + other_pieces
            <= quantity * price + line.authorization_buffer_minor
        )
        assert limit_grams >= pieces * grams or price * 1000 < kilo * grams + 500 * 1000
