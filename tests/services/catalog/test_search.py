import pytest
from hypothesis import given
from hypothesis import strategies as st

from database.sessions import Database
from services.catalog import products
from services.catalog.search_text import search_query, search_text
from services.core.problems import DomainError
from tests.support.city import City


def test_chinese_is_stored_as_characters_and_pairs() -> None:
    assert search_text("可口可樂 330ml") == "可 口 樂 可口 口可 可樂 330ml"


def test_a_chinese_query_searches_for_pairs() -> None:
    assert search_query("可樂") == "'可樂':*"
    assert search_query("可口可樂 330ml") == "'可口' & '口可' & '可樂' & '330ml':*"
    assert search_query("茶") == "'茶':*"


def test_words_are_normalized_and_split_and_the_last_is_a_prefix() -> None:
    assert search_query("Coca-COLA 1.5L") == "'coca' & 'cola' & '1.5l':*"
    assert search_query("\uff21\uff22\uff23 茶abc") == "'abc' & '茶':*"


@pytest.mark.parametrize("text", ["", "   ", "!&|<->:*'", "x" * 101])
def test_an_empty_or_too_long_query_is_refused(text: str) -> None:
    with pytest.raises(DomainError):
        search_query(text)


@given(st.text(max_size=100))
def test_no_text_escapes_its_quotes(text: str) -> None:
    try:
        query = search_query(text)
    except DomainError:
        return
    for word in query.removesuffix(":*").split(" & "):
        assert word.startswith("'")
        assert word.endswith("'")
        assert not set(word[1:-1]) & set("'&|!:*()<>\\ ")


async def test_a_result_has_its_search_rank(database: Database, city: City) -> None:
    request = products.search_page_request(city.near.id, 1, None, "Milk")
    async with database.read_public() as session:
        ((product,),) = (page.nodes for page in await products.load_pages(session, [request]))
    assert product.name == "Milk First"
    assert product.rank > 0
    assert product.listing_version == 1
