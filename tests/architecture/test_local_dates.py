"""Days of a store are computed in one module; each use of a local date or time is listed here."""

import re
from functools import cache

from tests.support.paths import ROOT

PACKAGES = (
    "database", "dataloaders", "gateways", "jobs", "models", "resolvers", "schema", "seed",
    "server", "services", "subscriptions", "workflows",
)  # fmt: skip
OWNER = "services/stores/store_time.py"
# Modules that ask for a day of a store, and which kind of day it is.
BUSINESS_DAYS = {
    "dataloaders/counter_sales.py": "whether a sale may still be voided",
    "services/alerts/detection.py": "days of the sales trend",
    "services/counter_sales/counter_reports.py": "the report of today",
    "services/counter_sales/counter_sales.py": "day of a sale, and whether it may be voided",
    "services/purchasing/replenishment.py": "the daily job",
    "services/stores/administration.py": "keeps the current one when its beginning is changed",
    "services/purchasing/replenishment_figures.py": "days of the sales history",
}
CALENDAR_DATES = {
    "dataloaders/stock.py": "last days of sale",
    "services/alerts/detection.py": "last days of sale",
    "services/counter_sales/counter_sales.py": "dates of birth",
    "services/orders/age_checks.py": "dates of birth",
    "services/purchasing/purchase_orders.py": "days of delivery of a supplier",
    "services/stock/expiring_batches.py": "last days of sale",
    "services/stock/recalls.py": "last days of sale",
    "services/stock/receiving.py": "last days of sale",
}
CLOCKS = {
    "services/stores/opening_hours.py": "opening hours",
    "services/operations/documents.py": "times that are printed",
}
# Days that are not of a store.
OTHER_DATES = {
    "services/core/date_times.py": "parses what clients write",
    "services/core/fingerprints.py": "instants in UTC",
    "services/events/partitions.py": "days of the event log, in UTC",
    "services/orders/timeline.py": "days of the event log, in UTC",
}
BUSINESS = re.compile(
    r"\b(read_)?business_day(_begin|_column)?\(|\bregular_day\(|REGULAR_DAY_SQL|\bchange_days\("
)
CALENDAR = re.compile(r"\b(read_)?calendar_date(_column)?\(|CALENDAR_DATE_SQL")
CLOCK = re.compile(r"\b(local_time|zone_time|first_instant|store_clock)\(")
# Everything by which an instant becomes a local date or time.
CONVERSIONS = re.compile(
    r"ZoneInfo\(|\.astimezone\(|\bat time zone\b|\btimezone\(|::date\b|func\.date\(|current_date"
    r"|\.today\(|datetime\.combine\(|isodow|date_trunc|\.date\(\)",
    re.IGNORECASE,
)


@cache
def users(pattern: re.Pattern[str]) -> set[str]:
    """The modules in which a pattern is found, without the one that owns the days of stores."""
    paths = (path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
    names = {
        path.relative_to(ROOT).as_posix()
        for path in paths
        if pattern.search(path.read_text().replace("DateTime(timezone=True)", ""))
    }
    return names - {OWNER}


def test_every_use_of_a_business_day_is_listed() -> None:
    assert users(BUSINESS) == set(BUSINESS_DAYS)


def test_every_use_of_a_calendar_date_is_listed() -> None:
    """A date that should be a business day, or the reverse, is a question to ask here."""
    assert users(CALENDAR) == set(CALENDAR_DATES)


def test_every_use_of_a_store_clock_is_listed() -> None:
    assert users(CLOCK) == set(CLOCKS)


def test_no_other_module_computes_a_local_date() -> None:
    """Nine modules had time zones of stores, dates and midnights of their own."""
    known = CLOCKS.keys() | OTHER_DATES.keys() | {"services/alerts/detection.py"}
    assert users(CONVERSIONS) - known == set()
