from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.carts.totals import PricedLine, compute_totals, included_tax

SUMS = st.integers(0, 10_000_000)
LINES = st.lists(
    st.builds(PricedLine, st.uuids(), st.integers(1, 99), st.integers(1, 5_000_000)), max_size=100
)


@dataclass(frozen=True)
class Rates:
    currency: str = "HKD"
    minimum_order_minor: int = 5000
    small_order_fee_minor: int = 900
    small_order_threshold_minor: int = 8000
    delivery_fee_minor: int = 1500
    free_delivery_threshold_minor: int | None = 20000
    tax_rate_basis_points: int = 800
    authorization_buffer_basis_points: int = 1500


TARIFFS = st.builds(
    Rates,
    minimum_order_minor=SUMS,
    small_order_fee_minor=SUMS,
    small_order_threshold_minor=SUMS,
    delivery_fee_minor=SUMS,
    free_delivery_threshold_minor=st.none() | SUMS,
    tax_rate_basis_points=st.integers(0, 10_000),
)


def line(quantity: int, price: int) -> PricedLine:
    return PricedLine(UUID(int=price), quantity, price)


@given(LINES, TARIFFS, SUMS)
def test_the_parts_of_the_totals_sum_to_the_total(
    lines: list[PricedLine], rates: Rates, tip: int
) -> None:
    totals = compute_totals(lines, rates, tip)
    assert totals.subtotal_minor == sum(each.quantity * each.unit_price_minor for each in lines)
    fees = totals.delivery_fee_minor + totals.small_order_fee_minor
    assert (
        totals.total_minor
        == totals.subtotal_minor + fees + totals.tip_minor - totals.discount_minor
    )
    assert 0 <= totals.tax_minor <= totals.total_minor - totals.tip_minor
    assert totals.total_minor >= totals.subtotal_minor >= 0


@given(SUMS, st.integers(0, 10_000))
def test_included_tax_is_rounded_half_up(gross: int, rate: int) -> None:
    exact = Decimal(gross) * rate / (10_000 + rate)
    assert included_tax(gross, rate) == int(exact.quantize(Decimal(1), ROUND_HALF_UP))


def test_a_small_basket_pays_both_fees_and_a_large_one_none() -> None:
    small = compute_totals([line(1, 7999)], Rates())
    assert (small.small_order_fee_minor, small.delivery_fee_minor) == (900, 1500)
    middle = compute_totals([line(1, 8000)], Rates())
    assert (middle.small_order_fee_minor, middle.delivery_fee_minor) == (0, 1500)
    large = compute_totals([line(2, 10000)], Rates())
    assert (large.small_order_fee_minor, large.delivery_fee_minor) == (0, 0)


def test_an_empty_basket_costs_nothing() -> None:
    empty = compute_totals([], Rates(), tip_minor=500)
    assert (empty.total_minor, empty.tax_minor, empty.tip_minor) == (0, 0, 0)
    assert not empty.minimum_reached
    assert empty.amount_to_minimum_minor == 5000


def test_the_tip_is_not_taxed() -> None:
    assert (
        compute_totals([line(1, 9000)], Rates(), 1000).tax_minor
        == compute_totals([line(1, 9000)], Rates()).tax_minor
    )


@pytest.mark.parametrize(("quantity", "price", "tip"), [(0, 1, 0), (1, 0, 0), (1, 1, -1)])
def test_invalid_lines_are_an_error(quantity: int, price: int, tip: int) -> None:
    with pytest.raises(ValueError, match="at least"):
        compute_totals([line(quantity, price)], Rates(), tip)
