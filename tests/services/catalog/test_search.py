"""Search text: the situations by name, and the property that a product is found by its name."""

import re
import unicodedata
from collections.abc import Iterator
from typing import Literal

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import Text

from database.audit import AuditContext
from database.scope import PLATFORM
from database.sessions import Database
from models.catalog import Product
from models.purchasing import Supplier
from models.search_words import compounds, search_vector
from seed.catalog import read_articles
from services.catalog import products
from services.catalog.search_text import MAX_QUERY_LENGTH, search_query
from services.core.problems import DomainError
from tests.support.city import City

FORMS: tuple[Literal["NFC", "NFD", "NFKC", "NFKD"], ...] = ("NFC", "NFD", "NFKC", "NFKD")
ACCENT_NAMES = ("COMBINING", "HEBREW POINT", "ARABIC FATH", "ARABIC DAMM", "ARABIC KASR")
UNMATCHED = text(
    "select vector, query from unnest(:vectors, :queries) as pair (vector, query)"
    " where not cast(vector as tsvector) @@ cast(query as tsquery)"
).bindparams(bindparam("vectors", type_=ARRAY(Text)), bindparam("queries", type_=ARRAY(Text)))


async def unmatched(database: Database, pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Of pairs of a stored name and a search, those that PostgreSQL does not match."""
    values = {
        "vectors": [search_vector([name]) for name, _ in pairs],
        "queries": [search_query(query) for _, query in pairs],
    }
    async with database.read_public() as session:
        rows = await session.execute(UNMATCHED, values)
        missed = {(row[0], row[1]) for row in rows}
    built = zip(pairs, values["vectors"], values["queries"], strict=True)
    return [pair for pair, vector, query in built if (vector, query) in missed]


@pytest.mark.parametrize(
    ("name", "query"),
    [
        ("S-26 Gold Connect", "S-26 Gold"),
        ("S-26 Gold Connect", "s26"),
        ("Milk/Dark Chocolate", "dark"),
        ("Caf\u00e9", "cafe"),
        ("Caf\u00e9", "cafe\u0301"),
        ("Cafe\u0301 au lait", "caf\u00e9"),
        ("दूध 1L", "दूध"),
        ("दूध 1L", "दू"),
        ("The Who", "the who"),
        ("To Go", "to"),
        ("Levi's", "levis"),
        ("Levis", "levi\u2019s"),
        ("Coca-Cola 1.5L", "cocacola 1.5"),
        ("Apples", "apple"),
        ("Apple", "apples"),
        ("Weißwurst", "WEISSWURST"),
        ("Smørrebrød", "smorrebrod"),
        ("ΟΔΥΣΣΕΥΣ", "οδυσσεύς"),
        ("İçecek", "icecek"),
        ("قَهْوَة", "قهوة"),
        ("أرز", "ارز"),
        ("שָׁלוֹם", "שלום"),
        ("Йогурт 3,2%", "йогурт 3"),
        ("دودھ \u06f1L", "1l"),
        ("นมสดพาสเจอร์ไรส์", "พาสเจอร์"),
        ("おいしい牛乳", "牛乳"),
        ("ﾐﾙｸ", "ミルク"),
        ("可口可樂 330ml", "可樂 330"),
        ("우유", "우"),
        ("🍎 Apple", "🍎"),
        ("Pure Distilled Water 1.25L", "pure distilled water 1.25 L"),
        ("Pure Distilled Water 1.25L", "water 1,25l"),
        ("Pure Distilled Water 1.25 L", "water 1,25 l"),
        ("Água 1,5 l", "agua 1.5L"),
        ("Coco Pops 190g", "Coco Pops 190 g"),
        ("Coco Pops 190 G", "pops 190g"),
        ("Batteries 14pcs", "batteries 14 pcs"),
        ("Bleach 1.5L", "BLEACH 1,5L"),
        ("7 Up", "7up"),
        ("7up", "7 Up"),
        ("7-Up", "7up"),
        ("7up", "7-up"),
        ("Omega 3 Eggs", "omega3"),
        ("Co-Q10x", "coq10x"),
        ("Cola 6 x 330 ml", "6x330ml"),
        ("Cola 6x330ml", "cola 6 x 330 m"),
        ("Cola 6x330ml", "330 ml"),
        ("可樂 330 毫升", "330毫升"),
        ("\u0645\u064a\u200c\u062e\u0648\u0627", "\u0645\u064a\u062e\u0648\u0627"),
    ],
)
async def test_a_product_is_found_as_people_type(database: Database, name: str, query: str) -> None:
    """Index and query were cut by different rules, so none of these found its product."""
    assert await unmatched(database, [(name, query)]) == []


SIZE = re.compile(r"(?<=[0-9]) ?(?=[^\W0-9_])")
LETTER_NUMBER = re.compile(r"(?<=[^\W0-9_]) ?(?=[0-9])")
DOT = re.compile(r"(?<=[0-9])\.(?=[0-9])")


def respaced(name: str) -> Iterator[str]:
    """The name with other spaces where numbers and letters meet, and with commas in numbers."""
    for gap in ("", " "):
        for pattern in (SIZE, LETTER_NUMBER):
            written = pattern.sub(gap, name)
            yield from (written, DOT.sub(",", written), written.upper())


async def test_every_product_of_the_catalog_is_found_by_its_size(database: Database) -> None:
    """The shops have 1.25L, 190g and 14pcs; people write 1,25 l, 190 g and 14 pcs."""
    pairs = {
        (name, written)
        for article in read_articles()
        for name in (article.name, *article.names.values())
        for written in respaced(name)
        if len(written) <= MAX_QUERY_LENGTH and list(compounds(written))
    }
    assert len(pairs) > 10_000
    assert await unmatched(database, sorted(pairs)) == []


def test_a_size_is_not_found_by_another_one() -> None:
    """A size in one word must not match its number and any word with the same beginning."""
    assert search_query("340g") == "'340g':*"


async def test_the_thirteenth_word_counts(database: Database) -> None:
    """Words beyond the twelfth were left out of the search without a word about it."""
    words = " ".join(f"w{nth}" for nth in range(12))
    assert await unmatched(database, [(f"{words} end", f"{words} end")]) == []
    assert await unmatched(database, [(words, f"{words} end")]) != []


def test_a_search_that_is_too_long_is_refused_by_its_own_error() -> None:
    with pytest.raises(DomainError) as refusal:
        search_query("x" * (MAX_QUERY_LENGTH + 1))
    assert [problem.path for problem in refusal.value.problems] == [["query"]]


@pytest.mark.parametrize("text", ["", "   ", "!&|<->:*'", "\u200b\u202e"])
def test_an_empty_search_is_refused(text: str) -> None:
    with pytest.raises(DomainError):
        search_query(text)


def without_accents(name: str) -> str:
    """The name as somebody types it who leaves out what may be left out."""
    decomposed = unicodedata.normalize("NFD", name)
    kept = (
        each
        for each in decomposed
        if not (
            unicodedata.category(each) == "Mn"
            and unicodedata.name(each, "").startswith(ACCENT_NAMES)
            and "KATAKANA" not in unicodedata.name(each, "")
        )
    )
    return unicodedata.normalize("NFC", "".join(kept))


def searches(name: str) -> Iterator[str]:
    """The name, each of its words, and each prefix of its last word, as people may type them."""
    for typed in (name, without_accents(name), name.upper(), name.lower()):
        for form in FORMS:
            written = unicodedata.normalize(form, typed)
            yield written
            if not (words := written.split()):
                continue
            yield from words
            *first, last = words
            for length in range(1, len(last)):
                yield " ".join([*first, last[:length]])
                yield last[:length]


LETTERS = (
    "abcxyzéèñößøłïÅŠŽİ\u0131æ0123456789",
    "αβγάέήςΣΐ",
    "абвйёїЙ",
    "אבג\u05b8\u05c1",
    "قهوة\u064e\u0652أإ٣",
    "कखदूधिा\u094d\u0902",
    "กขนมสดำเ\u0e49",
    "우유가각",
    "がぎパミルクー",
    "可口樂茶牛乳",
    "\u10d0\u10d1\u0531\u0561\u1780\u17b6\u1000\u102c",
)
WORDS = st.one_of([st.text(letters, min_size=1, max_size=7) for letters in LETTERS])
NAMES = st.lists(WORDS, min_size=1, max_size=5).flatmap(
    lambda words: st.lists(
        st.sampled_from([" ", "-", "/", ", ", "'", ".", " & ", "_", "\u00a0", "", " "]),
        min_size=len(words) - 1,
        max_size=len(words) - 1,
    ).map(lambda gaps: "".join(map("".join, zip(words, [*gaps, ""], strict=True))))
)


@settings(
    max_examples=120,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(name=NAMES | st.text(max_size=30))
async def test_a_product_is_found_by_its_name_its_words_and_their_beginnings(
    database: Database, name: str
) -> None:
    """In every normal form, with and without accents, in any script."""
    if not list(compounds(name)):
        return
    typed = {each for each in searches(name) if len(each) <= MAX_QUERY_LENGTH}
    pairs = [(name, each) for each in sorted(typed) if list(compounds(each))]
    pairs += [(without_accents(name), name)] if (name, name) in pairs else []
    assert await unmatched(database, pairs) == []


@given(st.text(max_size=MAX_QUERY_LENGTH))
@example("1000 > 1,000 <2>")
def test_no_text_escapes_its_quotes(text: str) -> None:
    try:
        query = search_query(text)
    except DomainError:
        return
    lexemes, syntax = query.split("'")[1::2], query.split("'")[0::2]
    operators = [re.sub(r"^ <[1-9][0-9]?> $", "", part) for part in syntax]
    assert not set("".join(operators)) - set("()&|:* ")
    assert not set("".join(lexemes)) & set("'&|!:*()<>\\ ")


async def test_a_result_has_its_search_rank(database: Database, city: City) -> None:
    request = products.search_page_request(city.near.id, 1, None, "Milk")
    async with database.read_public() as session:
        ((product,),) = (page.nodes for page in await products.load_pages(session, [request]))
    assert product.name == "Milk First"
    assert product.rank > 0
    assert product.listing_version == 1


async def test_a_name_ranks_above_its_category(database: Database, city: City) -> None:
    """A word of the category counted twice, so that products named by it came later."""
    async with database.write(PLATFORM, AuditContext("test")) as session:
        for nth, (name, other) in enumerate((("Oat drink", "tulip"), ("Tulip", "drinks"))):
            row = await session.get_one(Product, city.products[nth].id)
            row.name, row.search_text = name, other
    request = products.search_page_request(city.near.id, 5, None, "tulip")
    async with database.read_public() as session:
        [page] = await products.load_pages(session, [request])
    assert [node.name for node in page.nodes] == ["Tulip", "Oat drink"]


async def test_a_row_is_found_by_its_new_name(database: Database, city: City) -> None:
    supplier = Supplier(company_id=city.company.id, code="NAMED", name="Old", currency="EUR")
    async with database.write(PLATFORM, AuditContext("test")) as session:
        session.add(supplier)
    async with database.write(PLATFORM, AuditContext("test")) as session:
        (await session.get_one(Supplier, supplier.id)).name = "Brûlerie du Nord"
        (await session.get_one(Product, city.products[2].id)).name = "Brûlot"
    stored = text(
        "select search @@ cast('brul:*' as tsquery), search @@ cast('old' as tsquery)"
        " from supplier where id = :id union all"
        " select search @@ cast('brul:*' as tsquery), false from product where id = :product"
    )
    async with database.read(PLATFORM) as session:
        values = {"id": supplier.id, "product": city.products[2].id}
        rows = (await session.execute(stored, values)).all()
    assert [tuple(row) for row in rows] == [(True, False), (True, False)]
