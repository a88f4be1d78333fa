"""What a store will sell of each product, and how much of it to order; numpy, no database.

Every array has a row per product; days are columns, the oldest first.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]

HISTORY_DAYS = 56
YOUNGEST_DAYS = 14
WEEK_DAYS = 7
SMOOTHING = 0.1
PRIOR_WEEKS = 2.0
SERVICE_Z = 1.645
"""The normal quantile of 95 %: one lead time in twenty may see the shelf empty."""
ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Forecast:
    """Units a day: `level` on an average day, `factors` by weekday (Monday first), `deviation`."""

    level: Floats
    factors: Floats
    deviation: Floats


@dataclass(frozen=True, slots=True)
class Terms:
    """How each product comes: days until it is there, days between orders, units in a pack."""

    lead_days: Whole
    review_days: Whole
    pack_units: Whole


@dataclass(frozen=True, slots=True)
class Need:
    """`demand` and `safety` in units until the order after next is there; `packs` to order."""

    demand: Floats
    safety: Floats
    packs: Whole


def forecast(sold: Floats, last_weekday: int) -> Forecast:
    """The level and the weekday profile of daily sales `sold`; the last day is `last_weekday`.

    Classical multiplicative seasonality and simple exponential smoothing (Hyndman and
    Athanasopoulos, Forecasting: Principles and Practice, 3rd edition, 3.4 and 8.1); the profile is
    drawn to 1, so that a product with few sales stays near its mean:

        factor[w] = (sum of sales on w + prior * mean) / ((days of w + prior) * mean), of mean 1
        level = sum of weight[age] * sales / factor,  weight[age] ~ smoothing * (1 - smoothing)^age
        deviation = root of the mean squared difference between sales and level * factor

    A product counts from its first sale in the window on, but for at least 14 days. Days on which
    it was sold out count as they are: what was not there can't have been sold.
    """
    days = sold.shape[1]
    weekday = (last_weekday - np.arange(days)[::-1]) % WEEK_DAYS
    alive = _alive(sold)
    lived = np.maximum(alive.sum(axis=1), 1)
    mean = (sold * alive).sum(axis=1) / lived
    factors = _profile(sold, alive, weekday, mean)
    usual = factors[:, weekday]
    weight = (1 - SMOOTHING) ** np.arange(days)[::-1] * alive
    weight /= np.maximum(weight.sum(axis=1, keepdims=True), ROUNDING)
    level = (weight * sold / usual).sum(axis=1)
    missed = (sold - level[:, None] * usual) * alive
    deviation = np.sqrt((missed**2).sum(axis=1) / lived)
    return Forecast(level, factors, deviation)


def _alive(sold: Floats) -> NDArray[np.bool_]:
    """From when on each product counts."""
    days = sold.shape[1]
    began = np.where((sold > 0).any(axis=1), (sold > 0).argmax(axis=1), 0)
    began = np.minimum(began, max(days - YOUNGEST_DAYS, 0))
    alive: NDArray[np.bool_] = np.arange(days)[None, :] >= began[:, None]
    return alive


def _profile(sold: Floats, alive: NDArray[np.bool_], weekday: Any, mean: Floats) -> Floats:
    is_day = (weekday[:, None] == np.arange(WEEK_DAYS)[None, :]).astype(float)
    on_day, days_of = (sold * alive) @ is_day, alive @ is_day
    base = np.where(mean > 0, mean, 1.0)[:, None]
    factors = (on_day + PRIOR_WEEKS * base) / ((days_of + PRIOR_WEEKS) * base)
    factors[mean <= 0] = 1.0
    leveled: Floats = factors * (WEEK_DAYS / factors.sum(axis=1, keepdims=True))
    return leveled


def need(coming: Forecast, terms: Terms, first_weekday: int, stock: Whole) -> Need:
    """What to order today, a `first_weekday`, of products of which `stock` units are there or due.

    Order up to the demand of the lead time and the review period, with a safety stock for the lead
    time (Silver, Pyke and Thomas, Inventory and Production Management in Supply Chains, 4th
    edition, chapter 6):

        demand = level * sum of the factors of the next (lead + review) days
        safety = z * deviation * square root of the lead time (a day at least)
        packs  = (demand + safety - stock) / units in a pack, rounded up, never below 0
    """
    horizon = terms.lead_days + terms.review_days
    ahead = np.roll(coming.factors, -first_weekday, axis=1)
    summed = np.hstack([np.zeros((len(ahead), 1)), np.cumsum(ahead, axis=1)])
    weeks, rest = np.divmod(horizon, WEEK_DAYS)
    days = weeks * summed[:, WEEK_DAYS] + summed[np.arange(len(ahead)), rest]
    demand = coming.level * days
    safety = SERVICE_Z * coming.deviation * np.sqrt(np.maximum(terms.lead_days, 1))
    lacking = np.where(coming.level > 0, demand + safety - stock, 0.0)
    packs = np.ceil(np.maximum(lacking, 0.0) / terms.pack_units - ROUNDING)
    return Need(demand, safety, np.maximum(packs, 0).astype(np.int64))
