"""Demand forecast and order quantities by product, in numpy; no database.

Every array has a row per product; columns are days, oldest first.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

HISTORY_DAYS = 56
MIN_HISTORY_DAYS = 14
DAYS_PER_WEEK = 7
SMOOTHING_FACTOR = 0.1
PRIOR_WEEKS = 2.0
SERVICE_LEVEL_Z = 1.645
"""The normal quantile of 95 %: the stock may run out in one lead time of twenty."""
EPSILON = 1e-9


@dataclass(frozen=True, slots=True)
class DemandForecast:
    """Daily demand in units: `level` on an average day, `deviation` the forecast's RMS error.

    `weekday_factors` are relative to the average day, from Monday on.
    """

    level: FloatArray
    weekday_factors: FloatArray
    deviation: FloatArray


@dataclass(frozen=True, slots=True)
class ReplenishmentTerms:
    """Per product: days until an order arrives, days between orders, units in a pack."""

    lead_time_days: IntArray
    review_period_days: IntArray
    units_per_pack: IntArray


@dataclass(frozen=True, slots=True)
class ReplenishmentNeed:
    """Per product: forecast `demand` and `safety_stock` in units, and `packs` to order."""

    demand: FloatArray
    safety_stock: FloatArray
    packs: IntArray


def forecast_demand(daily_sales: FloatArray, last_weekday: int) -> DemandForecast:
    """Estimate level, weekday factors and error from daily sales; the last day is `last_weekday`.

    Classical multiplicative seasonality and simple exponential smoothing (Hyndman and
    Athanasopoulos, Forecasting: Principles and Practice, 3rd edition, 3.4 and 8.1); the weekday
    factors are shrunk to 1, so that a product with few sales stays near its mean:

        factor[w] = (sum of sales on w + prior * mean) / ((days of w + prior) * mean), of mean 1
        level = sum of weight[age] * sales / factor,  weight[age] ~ smoothing * (1 - smoothing)^age
        deviation = root of the mean squared difference between sales and level * factor

    A product's history begins with its first sale in the window, but covers at least 14 days. Days
    on which it was sold out are not corrected: the demand that was not served is unknown.
    """
    days = daily_sales.shape[1]
    weekdays = (last_weekday - np.arange(days)[::-1]) % DAYS_PER_WEEK
    in_history = _history_mask(daily_sales)
    history_days = np.maximum(in_history.sum(axis=1), 1)
    mean = (daily_sales * in_history).sum(axis=1) / history_days
    factors = _weekday_factors(daily_sales, in_history, weekdays, mean)
    day_factors = factors[:, weekdays]
    weight = (1 - SMOOTHING_FACTOR) ** np.arange(days)[::-1] * in_history
    weight /= np.maximum(weight.sum(axis=1, keepdims=True), EPSILON)
    level = (weight * daily_sales / day_factors).sum(axis=1)
    errors = (daily_sales - level[:, None] * day_factors) * in_history
    deviation = np.sqrt((errors**2).sum(axis=1) / history_days)
    return DemandForecast(level, factors, deviation)


def _history_mask(daily_sales: FloatArray) -> NDArray[np.bool_]:
    """Which days belong to each product's history."""
    days = daily_sales.shape[1]
    has_sales = (daily_sales > 0).any(axis=1)
    first_day = np.where(has_sales, (daily_sales > 0).argmax(axis=1), 0)
    first_day = np.minimum(first_day, max(days - MIN_HISTORY_DAYS, 0))
    in_history: NDArray[np.bool_] = np.arange(days)[None, :] >= first_day[:, None]
    return in_history


def _weekday_factors(
    daily_sales: FloatArray, in_history: NDArray[np.bool_], weekdays: Any, mean: FloatArray
) -> FloatArray:
    is_weekday = (weekdays[:, None] == np.arange(DAYS_PER_WEEK)[None, :]).astype(float)
    sales_by_weekday = (daily_sales * in_history) @ is_weekday
    days_by_weekday = in_history @ is_weekday
    base = np.where(mean > 0, mean, 1.0)[:, None]
    factors = (sales_by_weekday + PRIOR_WEEKS * base) / ((days_by_weekday + PRIOR_WEEKS) * base)
    factors[mean <= 0] = 1.0
    normalized: FloatArray = factors * (DAYS_PER_WEEK / factors.sum(axis=1, keepdims=True))
    return normalized


def calculate_need(
    forecast: DemandForecast, terms: ReplenishmentTerms, first_weekday: int, stock: IntArray
) -> ReplenishmentNeed:
    """What to order today, a `first_weekday`; `stock` is available, incoming and drafted units.

    Order up to the demand of the lead time and the review period, with a safety stock for the lead
    time (Silver, Pyke and Thomas, Inventory and Production Management in Supply Chains, 4th
    edition, chapter 6):

        demand = level * sum of the factors of the next (lead + review) days
        safety = z * deviation * square root of the lead time (a day at least)
        packs  = (demand + safety - stock) / units in a pack, rounded up, never below 0
    """
    horizon_days = terms.lead_time_days + terms.review_period_days
    factors = np.roll(forecast.weekday_factors, -first_weekday, axis=1)
    cumulative = np.hstack([np.zeros((len(factors), 1)), np.cumsum(factors, axis=1)])
    weeks, rest_days = np.divmod(horizon_days, DAYS_PER_WEEK)
    average_days = (
        weeks * cumulative[:, DAYS_PER_WEEK] + cumulative[np.arange(len(factors)), rest_days]
    )
    demand = forecast.level * average_days
    safety = SERVICE_LEVEL_Z * forecast.deviation * np.sqrt(np.maximum(terms.lead_time_days, 1))
    missing_units = np.where(forecast.level > 0, demand + safety - stock, 0.0)
    packs = np.ceil(np.maximum(missing_units, 0.0) / terms.units_per_pack - EPSILON)
    return ReplenishmentNeed(demand, safety, np.maximum(packs, 0).astype(np.int64))
