"""Tags of languages as people choose them: language, script and region (RFC 5646)."""

import re
from functools import cache

from babel import Locale

PATTERN = re.compile(r"([a-z]{2,3})(?:-([A-Z][a-z]{3}))?(?:-([A-Z]{2}|\d{3}))?")
NO_LANGUAGES = frozenset({"mis", "mul", "und", "zxx"})
NO_SCRIPTS = frozenset({"Qaag", "Zinh", "Zxxx", "Zyyy", "Zzzz"})
NO_REGIONS = frozenset({"QO", "XA", "XB", "ZZ"})
"""Codes of CLDR that name no language, script or region that a person could mean."""


def is_language_tag(tag: str) -> bool:
    """Whether CLDR knows each part of the tag, such as en, fil, zh-Hant or es-419."""
    parts = PATTERN.fullmatch(tag)
    if parts is None:
        return False
    names = _names()
    return all(
        part is None or part in known for part, known in zip(parts.groups(), names, strict=True)
    )


@cache
def _names() -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
    """The codes of languages, scripts and regions; read when they are asked for first."""
    english = Locale("en")
    return (
        frozenset(english.languages) - NO_LANGUAGES,
        frozenset(english.scripts) - NO_SCRIPTS,
        frozenset(english.territories) - NO_REGIONS,
    )
