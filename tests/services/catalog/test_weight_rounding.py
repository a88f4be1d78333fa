"""One rule of rounding, and that nothing ever costs more than what is held for it."""

from hypothesis import given
from hypothesis import strategies as st

from models.orders import OrderLine
from services.catalog import weights


@given(st.integers(1, 10**7), st.integers(1, 10**6))
def test_a_cost_is_rounded_half_up_to_the_minor_unit(kilo: int, grams: int) -> None:
    off = 1000 * weights.cost(kilo, grams) - kilo * grams
    assert -500 < off <= 500 or kilo * grams < 500
    assert (weights.cost(15, 100), weights.cost(14, 100), weights.cost(499, 1)) == (2, 1, 1)


@given(st.integers(1, 10**6), st.integers(1, 50_000), st.integers(1, 99), st.integers(0, 5000))
def test_the_heaviest_that_is_paid_for_is_the_last_that_is(
    kilo: int, grams: int, quantity: int, bp: int
) -> None:
    price = weights.piece_price(kilo, grams)
    line = OrderLine(
        unit_price_minor=price, quantity=quantity, kilo_price_minor=kilo, unit_grams=grams,
        headroom_minor=weights.headroom(quantity * price, bp),
    )  # fmt: skip
    for pieces in {1, quantity}:
        most_minor = pieces * price + line.headroom_minor * pieces // quantity
        most = weights.most_grams(line, pieces)
        assert most_minor < weights.cost(kilo, most + 1)
        if not most:
            continue  # less than a gram is paid for
        assert weights.cost(kilo, most) <= most_minor
        beside = (quantity - pieces) * price
        assert weights.cost(kilo, most) + beside <= quantity * price + line.headroom_minor
        assert most >= pieces * grams or price * 1000 < kilo * grams + 500 * 1000
