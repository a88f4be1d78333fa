"""Chooses the language of an answer from `Accept-Language` (RFC 9110 §12.5.4)."""

import re
from functools import lru_cache

LANGUAGES = ("en", "zh-Hant", "zh-Hans")
DEFAULT = LANGUAGES[0]
# Browsers name the place (or the spoken language) where the catalog names the script.
ALIASES = {
    "zh": "zh-Hans",
    "zh-hant": "zh-Hant",
    "zh-hk": "zh-Hant",
    "zh-tw": "zh-Hant",
    "zh-mo": "zh-Hant",
    "zh-yue": "zh-Hant",
    "yue": "zh-Hant",
    "zh-hans": "zh-Hans",
    "zh-cn": "zh-Hans",
    "zh-sg": "zh-Hans",
    "cmn": "zh-Hans",
}
ANY = "*"
WEIGHT = re.compile(r"q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)")
HEADER_LENGTH = 200


def language_of(header: str | None) -> str:
    """The best of our languages for this header; ours by default."""
    if not header:
        return DEFAULT
    if len(header) > HEADER_LENGTH:
        # Whole ranges only: half of `zh-Hant` would be another language.
        header = header[:HEADER_LENGTH].rpartition(",")[0]
    return _best(header)


@lru_cache(maxsize=256)
def _best(header: str) -> str:
    ranges = _ranges(header)
    unwanted = {_ours(tag) for tag, quality in ranges if quality == 0}
    for tag, _quality in sorted((one for one in ranges if one[1] > 0), key=lambda one: -one[1]):
        wanted = LANGUAGES if tag == ANY else (_ours(tag),)
        for found in wanted:
            if found is not None and found not in unwanted:
                return found
    return DEFAULT


def _ranges(header: str) -> list[tuple[str, float]]:
    """Each range with its quality; one with a malformed quality is left out."""
    found = []
    for part in header.lower().split(","):
        tag, _, weight = part.partition(";")
        quality = WEIGHT.fullmatch(weight.strip()) if weight.strip() else None
        if quality is not None or not weight.strip():
            found.append((tag.strip(), float(quality[1]) if quality else 1.0))
    return found


def _ours(tag: str) -> str | None:
    parts = tag.split("-")
    for length in (len(parts), 2, 1):
        short = "-".join(parts[:length])
        if short in ALIASES:
            return ALIASES[short]
    return "en" if parts[0] == "en" else None
