"""Reads the product catalog: Hong Kong's Online Price Watch, prices by chain, three languages."""

import csv
import gzip
import re
import unicodedata
from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from statistics import median_low
from typing import Any

import orjson

DATA = Path(__file__).resolve().parent.parent / "data" / "catalog"
PRICES = DATA / "hk_pricewatch_2026-07-24.csv.gz"
LANGUAGES = DATA / "hk_pricewatch_multilingual_2026-03-11.json.gz"
TRANSLATED_LANGUAGES = ("zh-Hant", "zh-Hans")
AGE_RESTRICTED = re.compile(
    r"\b(beers?|wines?|spirits?|whisky|liquors?|alcoholic|sake)\b", re.IGNORECASE
)
NOT_RESTRICTED = re.compile(r"non[- ]alcoholic|vinegar", re.IGNORECASE)
# Categories of chilled and frozen products, of the second and of the third level.
FROZEN = {
    *("Frozen confections", "Frozen / Chilled processed food", "Frozen cakes"),
    *("Frozen meat / poultry", "Frozen seafood", "Frozen vegetables"),
}
CHILLED = {
    *("Bean curd products", "Butter / Margarine", "Cheese / Yoghurt products", "Cream"),
    *("Chilled / Fresh meat", "Bacon", "Ham", "Sausages"),
    *("Chilled fresh milk/milk drinks", "Chilled fresh soy milk", "Chilled juices/juice drinks"),
}
# Loose fruit and vegetables, priced by the piece or the pound in the source, are sold by weight.
# The source has no weights: these are typical weights of a piece, in grams.
LOOSE = re.compile(r"\((each pc|per pound)\)")
POUND_GRAMS = 454
PIECE_GRAMS = {
    "Apples": 200,
    "Bananas": POUND_GRAMS,
    "Broccoli": 400,
    "Cauliflower": 700,
    "Grapefruits": 350,
    "Green cabbage": 900,
    "Kiwifruits": 100,
    "Lemons": 120,
    "Oranges": 250,
    "Pears": 250,
    "Pineapples": 1500,
}
Translations = dict[str, str]


@dataclass(slots=True)
class Article:
    """A product of the price watch: names, categories, and prices by chain."""

    code: str
    name: str
    brand: str
    categories: tuple[str, str, str]
    prices: dict[str, int] = field(default_factory=dict)
    offers: dict[str, str] = field(default_factory=dict)
    names: Translations = field(default_factory=dict)
    brands: Translations = field(default_factory=dict)
    category_names: tuple[Translations, ...] = ({}, {}, {})

    def price_minor(self, chain: str) -> int:
        """The chain's price in cents, or the median of all chains that sell it."""
        return self.prices.get(chain) or median_low(self.prices.values())

    @property
    def average_weight_grams(self) -> int | None:
        """The typical weight of a piece; None if the product is not sold by weight."""
        return PIECE_GRAMS.get(self.categories[2]) if LOOSE.search(self.name) else None

    @property
    def age_restricted(self) -> bool:
        path = " ".join(self.categories)
        return bool(AGE_RESTRICTED.search(path)) and not NOT_RESTRICTED.search(path)

    @property
    def temperature_zone(self) -> str:
        """The temperature zone of the most specific cold category, else AMBIENT."""
        for category in reversed(self.categories):
            if category in CHILLED:
                return "CHILLED"
            if category in FROZEN:
                return "FROZEN"
        return "AMBIENT"


def read_articles() -> list[Article]:
    """All products with a price, in file order, with their translations."""
    articles: dict[str, Article] = {}
    with gzip.open(PRICES, "rt", encoding="utf-8-sig", newline="") as lines:
        for row in csv.DictReader(lines):
            article = articles.setdefault(row["Product Code"], _article(row))
            chain = row["Supermarket Code"]
            price = int(Decimal(row["Price"].replace(",", "")) * 100)
            if price > 0:
                article.prices[chain] = price
            if row["Offers"].strip():
                article.offers[chain] = row["Offers"].strip()
    _add_translations(articles)
    return [article for article in articles.values() if article.prices]


def _article(row: dict[str, str]) -> Article:
    path = (row["Category 1"].strip(), row["Category 2"].strip(), row["Category 3"].strip())
    name = " ".join(row["Product Name"].split())
    return Article(row["Product Code"], name, row["Brand"].strip() or "No brand", path)


def _add_translations(articles: dict[str, Article]) -> None:
    entries: list[dict[str, Any]] = orjson.loads(gzip.decompress(LANGUAGES.read_bytes()))
    translations: dict[str, dict[str, Translations]] = defaultdict(dict)
    for entry in entries:
        for level in (1, 2, 3):
            texts = entry[f"cat{level}Name"]
            translations[f"category{level}"][texts["en"].strip()] = _translations(texts)
        translations["brand"][entry["brand"]["en"].strip()] = _translations(entry["brand"])
        translations["name"][entry["code"]] = _translations(entry["name"])
    for article in articles.values():
        article.names = translations["name"].get(article.code, {})
        article.brands = translations["brand"].get(article.brand, {})
        article.category_names = tuple(
            translations[f"category{level}"].get(name, {})
            for level, name in enumerate(article.categories, 1)
        )


def _translations(texts: Translations) -> Translations:
    """The Chinese texts that exist and differ from the English one."""
    stripped = (
        (language, (texts.get(language) or "").strip()) for language in TRANSLATED_LANGUAGES
    )
    return {language: text for language, text in stripped if text and text != texts.get("en")}


def to_slug(text: str) -> str:
    """The text as a URL slug: lower-case letters, digits and hyphens."""
    folded = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", folded).strip("-") or "other"
