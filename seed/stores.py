"""Rows of companies, stores, zones, products, listings, prices and stock."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import time
from uuid import UUID

from seed.accounts import COMPANIES, STORES
from seed.bulk_load import Row, stable_id
from seed.catalog import Article, to_slug
from seed.city import StoreSite, build_zones, choose_spread_out, read_sites, to_ewkb
from services.catalog.weights import piece_price, price_per_kilogram

CURRENCY = "HKD"
TIMEZONE = "Europe/Lisbon"
SEED = 2026
NAMES = {"harbour": "Harbour Market", "peak": "Peak Grocers"}
CHAINS = {
    "harbour": ("PARKNSHOP", "WELLCOME", "AEON", "MANNINGS", "LUNGFUNG", "DCHFOOD"),
    "peak": ("JASONS", "WATSONS", "SASA"),
}
PRICING = {
    "minimum_order_minor": 5_000,
    "small_order_fee_minor": 800,
    "small_order_threshold_minor": 10_000,
    "delivery_fee_minor": 1_500,
    "free_delivery_threshold_minor": 25_000,
    "tax_rate_basis_points": 600,
}
STORES_CLOSED_AT_NIGHT = 2
STORE_WITHOUT_PICKUP = 2
OPENING_TIME, MIDNIGHT = time(7), time(0)
NIGHT_DAY_START = time(4)
"""When the business day of a store begins that closes late."""
SOLD_OUT_SHARE, LOW_STOCK_SHARE = 0.02, 0.06
MAX_LOW_STOCK_UNITS, MIN_FULL_STOCK_UNITS, MAX_FULL_STOCK_UNITS = 4, 24, 120


@dataclass(frozen=True, slots=True)
class StorePlan:
    """A store to create: its company, number, site, zone, and the chain of its prices."""

    company: str
    number: int
    site: StoreSite
    zone: bytes
    chain: str

    @property
    def company_id(self) -> UUID:
        return stable_id("company", self.company)

    @property
    def id(self) -> UUID:
        return stable_id("store", self.company, self.number)


def plan_stores() -> list[StorePlan]:
    """The 16 stores of the two companies, spread over the city."""
    candidates = read_sites()
    taken: list[StoreSite] = []
    plans: list[StorePlan] = []
    for company in COMPANIES:
        chosen = choose_spread_out(candidates, STORES[company], taken)
        taken += chosen
        chains = CHAINS[company]
        for number, (site, zone) in enumerate(zip(chosen, build_zones(chosen), strict=True), 1):
            chain = chains[(number - 1) % len(chains)]
            plans.append(StorePlan(company, number, site, to_ewkb(zone), chain))
    return plans


def company_and_store_rows(plans: Sequence[StorePlan]) -> Iterator[tuple[str, list[Row]]]:
    """Table names and rows of the companies and their stores."""
    pickup_ids = set(pickup_store_ids(plans))
    yield (
        "company",
        [
            {
                "id": stable_id("company", name),
                "name": NAMES[name],
                "slug": name,
                "currency": CURRENCY,
            }
            | PRICING
            for name in COMPANIES
        ],
    )
    yield (
        "store",
        [
            {
                "id": plan.id,
                "company_id": plan.company_id,
                "code": f"{plan.company[0].upper()}{plan.number:02}",
                "name": f"{NAMES[plan.company]} {plan.site.name}",
                "latitude": plan.site.latitude,
                "longitude": plan.site.longitude,
                "timezone": TIMEZONE,
                "business_day_start": NIGHT_DAY_START if _closes_at_night(plan) else MIDNIGHT,
                "pickup_enabled": plan.id in pickup_ids,
            }
            for plan in plans
        ],
    )
    yield (
        "store_zone",
        [{"store_id": plan.id, "company_id": plan.company_id, "area": plan.zone} for plan in plans],
    )
    yield "store_hours", [_hours(plan, weekday) for plan in plans for weekday in range(7)]


def pickup_store_ids(plans: Sequence[StorePlan]) -> list[UUID]:
    """The stores whose orders can be collected."""
    return [plan.id for plan in plans if plan.number != STORE_WITHOUT_PICKUP]


def _hours(plan: StorePlan, weekday: int) -> Row:
    return {
        "store_id": plan.id,
        "company_id": plan.company_id,
        "weekday": weekday,
        "opens": OPENING_TIME if _closes_at_night(plan) else MIDNIGHT,
        "closes": MIDNIGHT,
    }


def _closes_at_night(plan: StorePlan) -> bool:
    """Whether it is one of the last stores of the first company."""
    return (
        plan.company == COMPANIES[0] and plan.number > STORES[plan.company] - STORES_CLOSED_AT_NIGHT
    )


def catalog_rows(
    plans: Sequence[StorePlan], articles: Sequence[Article]
) -> Iterator[tuple[str, list[Row]]]:
    """Table names and rows of the companies' products and the stores' listings and stock."""
    for company in COMPANIES:
        yield "category", _categories(company, articles)
        yield "brand", _brands(company, articles)
        yield "product", [_product(company, article) for article in articles]
    rng = random.Random(SEED)
    for plan in plans:
        stocked = [(article, _quantity(article, rng)) for article in articles]
        yield "listing", [_listing(plan, article) for article, _ in stocked]
        yield "stock", [_stock(plan, article, quantity) for article, quantity in stocked]
        yield "stock_entry", [_opening_entry(plan, article, n) for article, n in stocked if n]


def _categories(company: str, articles: Sequence[Article]) -> list[Row]:
    categories: dict[tuple[str, ...], Row] = {}
    for article in articles:
        for depth in range(3):
            path = article.categories[: depth + 1]
            if path not in categories:
                categories[path] = {
                    "id": stable_id("category", company, *path),
                    "company_id": stable_id("company", company),
                    "parent_id": stable_id("category", company, *path[:-1]) if depth else None,
                    "slug": "/".join(map(to_slug, path)),
                    "name": path[-1],
                    "translations": article.category_names[depth],
                    "depth": depth,
                    "position": len(categories),
                }
    return sorted(categories.values(), key=lambda row: row["depth"])


def _brands(company: str, articles: Sequence[Article]) -> list[Row]:
    brands: dict[str, Row] = {}
    for article in articles:
        brands.setdefault(
            article.brand,
            {
                "id": stable_id("brand", company, article.brand),
                "company_id": stable_id("company", company),
                "slug": f"{to_slug(article.brand)}-{stable_id(article.brand).hex[:4]}",
                "name": article.brand,
                "translations": article.brands,
            },
        )
    return list(brands.values())


def _product(company: str, article: Article) -> Row:
    words = [article.brand, *article.categories, *article.brands.values()]
    words += [text for texts in article.category_names for text in texts.values()]
    return {
        "id": stable_id("product", company, article.code),
        "company_id": stable_id("company", company),
        "code": article.code,
        "name": article.name,
        "translations": article.names,
        "search_text": "\n".join(dict.fromkeys(words)),
        "brand_id": stable_id("brand", company, article.brand),
        "category_id": stable_id("category", company, *article.categories),
        "promotion_label": next(iter(article.offers.values()), ""),
        "temperature_zone": article.temperature_zone,
        "age_restricted": article.age_restricted,
        "weighed": article.average_weight_grams is not None,
        "average_weight_grams": article.average_weight_grams,
    }


def _listing(plan: StorePlan, article: Article) -> Row:
    return {
        "store_id": plan.id,
        "product_id": stable_id("product", plan.company, article.code),
        "company_id": plan.company_id,
        "category_id": stable_id("category", plan.company, *article.categories),
        **_price(article.price_minor(plan.chain), article.average_weight_grams),
        "promotion_label": article.offers.get(plan.chain, ""),
        "aisle": _aisle(article),
    }


def _price(piece_minor: int, average_weight_grams: int | None) -> Row:
    """The price columns; the price of a weighed piece is derived from the price per kilogram."""
    if average_weight_grams is None:
        return {
            "price_minor": piece_minor,
            "price_per_kilogram_minor": None,
            "average_weight_grams": None,
        }
    kilo = price_per_kilogram(piece_minor, average_weight_grams)
    price = piece_price(kilo, average_weight_grams)
    return {
        "price_minor": price,
        "price_per_kilogram_minor": kilo,
        "average_weight_grams": average_weight_grams,
    }


def _aisle(article: Article) -> str:
    """A letter for the department and a number for the aisle in it, the same in every run."""
    department = stable_id(article.categories[0]).int % 26
    return f"{chr(ord('A') + department)}{stable_id(article.categories[1]).int % 20 + 1:02}"


def _quantity(article: Article, rng: random.Random) -> int:
    """Initial units: more for products that more chains sell; some sold out, some low."""
    chance = rng.random()
    if chance < SOLD_OUT_SHARE:
        return 0
    if chance < LOW_STOCK_SHARE:
        return rng.randint(1, MAX_LOW_STOCK_UNITS)
    return rng.randint(MIN_FULL_STOCK_UNITS, MAX_FULL_STOCK_UNITS) * min(len(article.prices), 4)


def _stock(plan: StorePlan, article: Article, quantity: int) -> Row:
    return {
        "store_id": plan.id,
        "product_id": stable_id("product", plan.company, article.code),
        "company_id": plan.company_id,
        "on_hand": quantity,
    }


def _opening_entry(plan: StorePlan, article: Article, quantity: int) -> Row:
    return {
        "id": stable_id("opening", plan.company, plan.number, article.code),
        "company_id": plan.company_id,
        "store_id": plan.id,
        "product_id": stable_id("product", plan.company, article.code),
        "on_hand_delta": quantity,
        "reason": "OPENING_BALANCE",
        "reference": "seed",
    }
