"""Chooses the language of an answer from `Accept-Language` (RFC 9110 §12.5.4)."""

from functools import lru_cache

LANGUAGES = ("en", "zh-Hant", "zh-Hans")
DEFAULT = LANGUAGES[0]
# Browsers name the place where the catalog names the script.
ALIASES = {
    "zh": "zh-Hans",
    "zh-hant": "zh-Hant",
    "zh-hk": "zh-Hant",
    "zh-tw": "zh-Hant",
    "zh-mo": "zh-Hant",
    "zh-hans": "zh-Hans",
    "zh-cn": "zh-Hans",
    "zh-sg": "zh-Hans",
}
HEADER_LENGTH = 200


@lru_cache(maxsize=256)
def language_of(header: str | None) -> str:
    """The best of our languages for this header; ours by default."""
    ranked = sorted(_ranges((header or "")[:HEADER_LENGTH]), key=lambda one: -one[1])
    for tag, quality in ranked:
        found = _ours(tag)
        if found and quality > 0:
            return found
    return DEFAULT


def _ranges(header: str) -> list[tuple[str, float]]:
    found = []
    for part in header.split(","):
        tag, _, weight = part.strip().partition(";")
        try:
            quality = float(weight.strip().removeprefix("q=")) if weight else 1.0
        except ValueError:
            quality = 0.0
        found.append((tag.strip().lower(), quality))
    return found


def _ours(tag: str) -> str | None:
    parts = tag.split("-")
    for length in (len(parts), 2, 1):
        short = "-".join(parts[:length])
        if short in ALIASES:
            return ALIASES[short]
    return "en" if parts[0] == "en" else None
