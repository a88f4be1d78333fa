"""Tags of languages as people and browsers write them (RFC 5646): one reader for all of them."""

import re
from functools import cache, lru_cache

from babel import Locale
from babel.core import UnknownLocaleError, get_global

# A language that extends another one (zh-yue) is a language itself. Tags have no case; what follows
# the region (a variant, the calendar of -u-) says nothing that changes words or amounts.
PATTERN = re.compile(
    r"(?P<language>[a-z]{2,3})(?:[-_](?P<extended>[a-z]{3})(?![a-z]))?"
    r"(?:[-_](?P<script>[a-z]{4})(?![a-z0-9]))?(?:[-_](?P<region>[a-z]{2}|[0-9]{3})(?![a-z0-9]))?"
    r"(?:[-_](?:[a-z0-9]{5,8}|[0-9][a-z0-9]{3}))*(?:[-_][a-z0-9](?:[-_][a-z0-9]{1,8})+)*",
    re.IGNORECASE | re.ASCII,
)
MAX_TAG_CHARS = 100
NO_LANGUAGES = frozenset({"mis", "mul", "und", "zxx"})
NO_SCRIPTS = frozenset({"Qaag", "Zinh", "Zxxx", "Zyyy", "Zzzz"})
NO_REGIONS = frozenset({"QO", "XA", "XB", "ZZ"})
"""Codes of CLDR that name no language, script or region that a person could mean."""


@lru_cache(maxsize=1_000)
def parse_language_tag(text: str) -> str | None:
    """Return the tag in its usual form, such as en, fil, zh-Hant or es-419; None for no language.

    CLDR must know each part. A replaced code becomes the one of today (`iw` is `he`).
    """
    found = PATTERN.fullmatch(text) if len(text) <= MAX_TAG_CHARS else None
    if found is None:
        return None
    code = (found["extended"] or found["language"]).lower()
    languages, scripts, regions = _names()
    language, *parts = get_global("language_aliases").get(code, code).split("_")
    script = (found["script"] or next(iter(parts), "")).title()
    region = (found["region"] or "").upper()
    if language not in languages or (script and script not in scripts):
        return None
    return (
        None
        if region and region not in regions
        else "-".join(part for part in (language, script, region) if part)
    )


@lru_cache(maxsize=1_000)
def locale_of(text: str) -> Locale | None:
    """Return the locale that formats for a tag, of its language at least; None if there is none."""
    tag = parse_language_tag(text)
    if tag is None:
        return None
    parts = tag.split("-")
    for length in range(len(parts), 0, -1):
        try:
            return Locale.parse("_".join(parts[:length]))
        except (UnknownLocaleError, ValueError):
            continue
    return None


@cache
def _names() -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
    """The codes of languages, scripts and regions; read when they are asked for first."""
    english = Locale("en")
    return (
        frozenset(english.languages) - NO_LANGUAGES,
        frozenset(english.scripts) - NO_SCRIPTS,
        frozenset(english.territories) - NO_REGIONS,
    )
