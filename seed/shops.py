"""Companies, stores, zones, shelves: what is sold where, at whose price, and how much of it."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import time
from uuid import UUID

from seed.accounts import COMPANIES, STORES
from seed.catalog import Article, slug
from seed.city import Site, sites, spread, wire_form, zones
from seed.rows import Row, key
from services.catalog.search_text import search_text
from services.catalog.weights import kilo_price, piece_price

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
    "small_order_below_minor": 10_000,
    "delivery_fee_minor": 1_500,
    "free_delivery_from_minor": 25_000,
    "tax_rate_bp": 600,
}
CLOSED_AT_NIGHT = 2
MORNING, MIDNIGHT = time(7), time(0)
SOLD_OUT_SHARE, LOW_SHARE = 0.02, 0.06
LOW_MOST, FULL_LEAST, FULL_MOST = 4, 24, 120


@dataclass(frozen=True, slots=True)
class Shop:
    """One dark store to be: its company, its number in it, its site, zone and price chain."""

    company: str
    number: int
    site: Site
    zone: bytes
    chain: str

    @property
    def company_id(self) -> UUID:
        return key("company", self.company)

    @property
    def id(self) -> UUID:
        return key("store", self.company, self.number)


def plan() -> list[Shop]:
    """The sixteen stores of the two companies, spread over the city's taxi stands."""
    candidates = sites()
    taken: list[Site] = []
    shops: list[Shop] = []
    for company in COMPANIES:
        chosen = spread(candidates, STORES[company], taken)
        taken += chosen
        chains = CHAINS[company]
        for number, (site, zone) in enumerate(zip(chosen, zones(chosen), strict=True), 1):
            chain = chains[(number - 1) % len(chains)]
            shops.append(Shop(company, number, site, wire_form(zone), chain))
    return shops


def rows_of_shops(shops: Sequence[Shop]) -> Iterator[tuple[str, list[Row]]]:
    """Tables and rows of the companies and their stores."""
    yield (
        "company",
        [
            {"id": key("company", name), "name": NAMES[name], "slug": name, "currency": CURRENCY}
            | PRICING
            for name in COMPANIES
        ],
    )
    yield (
        "store",
        [
            {
                "id": shop.id,
                "company_id": shop.company_id,
                "code": f"{shop.company[0].upper()}{shop.number:02}",
                "name": f"{NAMES[shop.company]} {shop.site.name}",
                "latitude": shop.site.latitude,
                "longitude": shop.site.longitude,
                "timezone": TIMEZONE,
            }
            for shop in shops
        ],
    )
    yield (
        "store_zone",
        [{"store_id": shop.id, "company_id": shop.company_id, "area": shop.zone} for shop in shops],
    )
    yield "store_hours", [_hours(shop, weekday) for shop in shops for weekday in range(7)]


def _hours(shop: Shop, weekday: int) -> Row:
    return {
        "store_id": shop.id,
        "company_id": shop.company_id,
        "weekday": weekday,
        "opens": MORNING if _sleeps(shop) else MIDNIGHT,
        "closes": MIDNIGHT,
    }


def _sleeps(shop: Shop) -> bool:
    """The last stores of the first company close at night."""
    return shop.company == COMPANIES[0] and shop.number > STORES[shop.company] - CLOSED_AT_NIGHT


def rows_of_catalog(
    shops: Sequence[Shop], articles: Sequence[Article]
) -> Iterator[tuple[str, list[Row]]]:
    """Tables and rows of what the companies sell, and of every store's shelves."""
    for company in COMPANIES:
        yield "category", _categories(company, articles)
        yield "brand", _brands(company, articles)
        yield "product", [_product(company, article) for article in articles]
    luck = random.Random(SEED)
    for shop in shops:
        shelf = [(article, _quantity(article, luck)) for article in articles]
        yield "listing", [_listing(shop, article) for article, _ in shelf]
        yield "stock", [_stock(shop, article, quantity) for article, quantity in shelf]
        yield "stock_entry", [_opening(shop, article, n) for article, n in shelf if n]


def _categories(company: str, articles: Sequence[Article]) -> list[Row]:
    found: dict[tuple[str, ...], Row] = {}
    for article in articles:
        for depth in range(3):
            path = article.categories[: depth + 1]
            if path not in found:
                found[path] = {
                    "id": key("category", company, *path),
                    "company_id": key("company", company),
                    "parent_id": key("category", company, *path[:-1]) if depth else None,
                    "slug": "/".join(map(slug, path)),
                    "name": path[-1],
                    "translations": article.category_names[depth],
                    "depth": depth,
                    "position": len(found),
                }
    return sorted(found.values(), key=lambda row: row["depth"])


def _brands(company: str, articles: Sequence[Article]) -> list[Row]:
    found: dict[str, Row] = {}
    for article in articles:
        found.setdefault(
            article.brand,
            {
                "id": key("brand", company, article.brand),
                "company_id": key("company", company),
                "slug": f"{slug(article.brand)}-{key(article.brand).hex[:4]}",
                "name": article.brand,
                "translations": article.brands,
            },
        )
    return list(found.values())


def _product(company: str, article: Article) -> Row:
    words = [article.brand, *article.categories, *article.names.values(), *article.brands.values()]
    words += [text for texts in article.category_names for text in texts.values()]
    return {
        "id": key("product", company, article.code),
        "company_id": key("company", company),
        "code": article.code,
        "name": article.name,
        "translations": article.names,
        "search_text": search_text(article.code, *words),
        "brand_id": key("brand", company, article.brand),
        "category_id": key("category", company, *article.categories),
        "offer_text": next(iter(article.offers.values()), ""),
        "temperature_zone": article.temperature_zone,
        "age_restricted": article.age_restricted,
        "weighed": article.unit_grams is not None,
        "unit_grams": article.unit_grams,
    }


def _listing(shop: Shop, article: Article) -> Row:
    return {
        "store_id": shop.id,
        "product_id": key("product", shop.company, article.code),
        "company_id": shop.company_id,
        "category_id": key("category", shop.company, *article.categories),
        **_price(article.price_minor(shop.chain), article.unit_grams),
        "offer_text": article.offers.get(shop.chain, ""),
        "aisle": _aisle(article),
    }


def _price(piece_minor: int, unit_grams: int | None) -> Row:
    """The price of a piece; of what is sold by weight, as it follows from that of a kilogram."""
    if unit_grams is None:
        return {"price_minor": piece_minor, "kilo_price_minor": None, "unit_grams": None}
    kilo = kilo_price(piece_minor, unit_grams)
    price = piece_price(kilo, unit_grams)
    return {"price_minor": price, "kilo_price_minor": kilo, "unit_grams": unit_grams}


def _aisle(article: Article) -> str:
    """A letter for the department, a number for the shelf in it; stable over runs."""
    department = key(article.categories[0]).int % 26
    return f"{chr(ord('A') + department)}{key(article.categories[1]).int % 20 + 1:02}"


def _quantity(article: Article, luck: random.Random) -> int:
    """Units to begin with: more of what more chains sell; some sold out, some nearly."""
    chance = luck.random()
    if chance < SOLD_OUT_SHARE:
        return 0
    if chance < LOW_SHARE:
        return luck.randint(1, LOW_MOST)
    return luck.randint(FULL_LEAST, FULL_MOST) * min(len(article.prices), 4)


def _stock(shop: Shop, article: Article, quantity: int) -> Row:
    return {
        "store_id": shop.id,
        "product_id": key("product", shop.company, article.code),
        "company_id": shop.company_id,
        "on_hand": quantity,
    }


def _opening(shop: Shop, article: Article, quantity: int) -> Row:
    return {
        "id": key("opening", shop.company, shop.number, article.code),
        "company_id": shop.company_id,
        "store_id": shop.id,
        "product_id": key("product", shop.company, article.code),
        "delta": quantity,
        "reason": "OPENING",
        "reference": "seed",
    }
