"""Tags of languages: one reader for what people choose, and for the formats of amounts."""

import pytest

from services.accounts.language_tags import locale_of, parse_language_tag
from tests.support.actors import ActorClient
from tests.support.city import City

FORMS = [
    ("EN-us", "en-US"),
    ("zh_hant", "zh-Hant"),
    ("ZH-hant-hk", "zh-Hant-HK"),
    ("iw", "he"),
    ("zh-yue", "yue"),
    ("en-US-u-ca-buddhist", "en-US"),
    ("th-TH-u-nu-thai", "th-TH"),
    ("de-1996", "de"),
    ("es-419", "es-419"),
]
UPDATE = """mutation ($input: ViewerUpdateInput!) { viewerUpdate(input: $input) {
  user { language } errors { __typename } } }"""
MINIMUM = """query ($at: GeoPointInput!, $tag: String) { storefront(location: $at) {
  minimumOrder { asked: formatted(locale: $tag) usual: formatted } } }"""


@pytest.mark.parametrize(("written", "tag"), FORMS)
async def test_a_tag_is_read_alike_at_both_entry_points(
    written: str, tag: str, customer: ActorClient, shared_city: City
) -> None:
    """The profile refused EN-us, zh_hant and iw, and amounts refused tags with extensions."""
    assert parse_language_tag(written) == tag
    assert locale_of(written) == locale_of(tag)
    answer = await customer.run(UPDATE, {"input": {"language": written}})
    assert answer["viewerUpdate"] == {"user": {"language": tag}, "errors": []}
    variables = {"at": shared_city.point, "tag": written}
    amounts = await customer.run(MINIMUM, variables, locale=str(locale_of(tag)))
    amount = amounts["storefront"]["minimumOrder"]
    assert amount["asked"] == amount["usual"]


@pytest.mark.parametrize(
    "text",
    ["", "en-", "en--US", "x-klingon", "und", "xx", "en-XX", "en\n", "en_US.UTF-8", "e" * 101],
)
def test_what_is_no_language_is_read_by_neither(text: str) -> None:
    """Amounts took en_US.UTF-8, which the profile refused."""
    assert parse_language_tag(text) is None
    assert locale_of(text) is None


def test_a_language_without_formats_has_none() -> None:
    """Klingon may be somebody's language, and nobody knows how it writes amounts."""
    assert parse_language_tag("tlh") == "tlh"
    assert locale_of("tlh") is None
