"""A page knows both of its ends, whatever the direction of its sort key."""

import pytest
from sqlalchemy import BigInteger

from services.core.pages import build_page, decode_cursor, encode_cursor

ROWS = list(range(1, 8))


def read_all(rows: list[int], first: int, descending: bool) -> list[tuple[list[int], bool, bool]]:
    """Read all pages of sorted rows, each after the end cursor of the page before it."""
    pages, after = [], None
    while True:
        start = decode_cursor(after, BigInteger())
        left = [n for n in rows if start is None or (n < start[0] if descending else n > start[0])]
        page = build_page(left[: first + 1], first, after, lambda n: (n,))
        info = page.page_info
        pages.append((page.nodes, info.has_previous_page, info.has_next_page))
        assert info.start_cursor == encode_cursor(page.nodes[0]) == page.edges[0].cursor
        assert info.end_cursor == encode_cursor(page.nodes[-1]) == page.edges[-1].cursor
        if not info.has_next_page:
            return pages
        after = info.end_cursor


@pytest.mark.parametrize("descending", [False, True])
def test_the_ends_of_the_pages_of_a_list(descending: bool) -> None:
    rows = sorted(ROWS, reverse=descending)
    assert read_all(rows, 3, descending) == [
        (rows[:3], False, True),
        (rows[3:6], True, True),
        (rows[6:], True, False),
    ]
    assert read_all(rows, 7, descending) == [(rows, False, False)]


def test_an_empty_page_has_no_cursors() -> None:
    rows: list[int] = []
    for after, previous in ((None, False), (encode_cursor(7), True)):
        info = build_page(rows, 3, after, lambda n: (n,)).page_info
        assert (info.start_cursor, info.end_cursor) == (None, None)
        assert (info.has_previous_page, info.has_next_page) == (previous, False)
