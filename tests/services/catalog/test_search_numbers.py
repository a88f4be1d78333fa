"""A number is found however its thousands are written."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from database.sessions import Database
from services.catalog.search_text import search_query
from tests.services.catalog.test_search import unmatched


def written(number: int) -> list[str]:
    """A number as people of several countries write it."""
    return [
        f"{number:,}".replace(",", mark) for mark in ("", ",", ".", " ", "\u00a0", "'", "\u2019")
    ]


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(1_000, 999_999), st.sampled_from(["", " ml", "ml", " g", " Blatt"]))
async def test_a_number_is_found_however_its_thousands_are_written(
    database: Database, number: int, unit: str
) -> None:
    """`1,000`, `1.000`, `1 000` and `1000` were four different numbers."""
    names = [f"Paper {text}{unit}" for text in written(number)]
    spaced = f" {unit.strip()}" if unit else ""
    queries = [
        f"{text}{each}" for text in written(number) for each in {unit, spaced, spaced.strip()}
    ]
    pairs = [(name, query) for name in names for query in (*names, *queries)]
    assert await unmatched(database, pairs) == []


def test_a_decimal_is_no_number_of_thousands() -> None:
    assert "1500" not in search_query("1.5 L")
    assert "0500" not in search_query("0.500 kg")
    assert "330" in search_query("6 330 ml").split("|")[0]
