"""Reads the catalog: Hong Kong's Online Price Watch, with prices by chain, in three languages."""

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
OTHER_LANGUAGES = ("zh-Hant", "zh-Hans")
AGE_RESTRICTED = re.compile(
    r"\b(beers?|wines?|spirits?|whisky|liquors?|alcoholic|sake)\b", re.IGNORECASE
)
NOT_RESTRICTED = re.compile(r"non[- ]alcoholic|vinegar", re.IGNORECASE)
# Shelves of the price watch that are cold; those of the second level, and of the third.
FROZEN = {
    *("Frozen confections", "Frozen / Chilled processed food", "Frozen cakes"),
    *("Frozen meat / poultry", "Frozen seafood", "Frozen vegetables"),
}
CHILLED = {
    *("Bean curd products", "Butter / Margarine", "Cheese / Yoghurt products", "Cream"),
    *("Chilled / Fresh meat", "Bacon", "Ham", "Sausages"),
    *("Chilled fresh milk/milk drinks", "Chilled fresh soy milk", "Chilled juices/juice drinks"),
}
# Loose fruit and vegetables, which the price watch prices by the piece or the pound, are sold by
# weight here. It does not say what a piece weighs: these are usual weights of one, in grams.
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
Texts = dict[str, str]


@dataclass(slots=True)
class Article:
    """One product of the price watch: what it is called, where it stands, what each chain asks."""

    code: str
    name: str
    brand: str
    categories: tuple[str, str, str]
    prices: dict[str, int] = field(default_factory=dict)
    offers: dict[str, str] = field(default_factory=dict)
    names: Texts = field(default_factory=dict)
    brands: Texts = field(default_factory=dict)
    category_names: tuple[Texts, ...] = ({}, {}, {})

    def price_minor(self, chain: str) -> int:
        """The chain's own price in cents, or the median of those that sell it."""
        return self.prices.get(chain) or median_low(self.prices.values())

    @property
    def unit_grams(self) -> int | None:
        """What a piece weighs, about; None where it is not sold by weight."""
        return PIECE_GRAMS.get(self.categories[2]) if LOOSE.search(self.name) else None

    @property
    def age_restricted(self) -> bool:
        path = " ".join(self.categories)
        return bool(AGE_RESTRICTED.search(path)) and not NOT_RESTRICTED.search(path)

    @property
    def temperature_zone(self) -> str:
        """How cold the shelf is that it stands on; the nearer name says it."""
        for shelf in reversed(self.categories):
            if shelf in CHILLED:
                return "CHILLED"
            if shelf in FROZEN:
                return "FROZEN"
        return "AMBIENT"


def articles() -> list[Article]:
    """Every product, in the order of the file, with its translations where they are known."""
    found: dict[str, Article] = {}
    with gzip.open(PRICES, "rt", encoding="utf-8-sig", newline="") as lines:
        for row in csv.DictReader(lines):
            article = found.setdefault(row["Product Code"], _article(row))
            chain = row["Supermarket Code"]
            price = int(Decimal(row["Price"].replace(",", "")) * 100)
            if price > 0:
                article.prices[chain] = price
            if row["Offers"].strip():
                article.offers[chain] = row["Offers"].strip()
    _translate(found)
    return [article for article in found.values() if article.prices]


def _article(row: dict[str, str]) -> Article:
    path = (row["Category 1"].strip(), row["Category 2"].strip(), row["Category 3"].strip())
    name = " ".join(row["Product Name"].split())
    return Article(row["Product Code"], name, row["Brand"].strip() or "No brand", path)


def _translate(found: dict[str, Article]) -> None:
    entries: list[dict[str, Any]] = orjson.loads(gzip.decompress(LANGUAGES.read_bytes()))
    known: dict[str, dict[str, Texts]] = defaultdict(dict)
    for entry in entries:
        for nth in (1, 2, 3):
            texts = entry[f"cat{nth}Name"]
            known[f"category{nth}"][texts["en"].strip()] = _others(texts)
        known["brand"][entry["brand"]["en"].strip()] = _others(entry["brand"])
        known["name"][entry["code"]] = _others(entry["name"])
    for article in found.values():
        article.names = known["name"].get(article.code, {})
        article.brands = known["brand"].get(article.brand, {})
        article.category_names = tuple(
            known[f"category{nth}"].get(name, {}) for nth, name in enumerate(article.categories, 1)
        )


def _others(texts: Texts) -> Texts:
    """The Chinese texts that are there and differ from the English one."""
    wanted = ((language, (texts.get(language) or "").strip()) for language in OTHER_LANGUAGES)
    return {language: text for language, text in wanted if text and text != texts.get("en")}


def slug(text: str) -> str:
    """A text as part of an address: letters, digits and hyphens."""
    folded = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", folded).strip("-") or "other"
