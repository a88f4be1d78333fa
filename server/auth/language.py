"""Chooses language and formats of an answer from `Accept-Language` (RFC 9110 §12.5.4)."""

import re
from functools import lru_cache

from services.accounts.language_tags import locale_of

LANGUAGES = ("en", "zh-Hant", "zh-Hans")
DEFAULT = LANGUAGES[0]
# Browsers name the region or the spoken language; the catalog names the script.
LANGUAGE_BY_TAG = {
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
MAX_HEADER_CHARS = 200


def language_of(header: str | None) -> str:
    """Choose the best of LANGUAGES for this header; DEFAULT if none matches."""
    return _best(_bounded(header)) if header else DEFAULT


def format_locale_of(header: str | None) -> str:
    """Choose the locale of amounts: that of the best range, which may have no texts of ours."""
    return _best_locale(_bounded(header)) if header else DEFAULT


def _bounded(header: str) -> str:
    """The whole ranges in the first characters: half of `zh-Hant` would be another language."""
    if len(header) <= MAX_HEADER_CHARS:
        return header
    return header[:MAX_HEADER_CHARS].rpartition(",")[0]


@lru_cache(maxsize=256)
def _best_locale(header: str) -> str:
    accepted = [(tag, quality) for tag, quality in _ranges(header) if quality > 0]
    for tag, _quality in sorted(accepted, key=lambda pair: -pair[1]):
        if tag == ANY:
            break
        if (locale := locale_of(tag)) is not None:
            return str(locale)
    return _best(header)


@lru_cache(maxsize=256)
def _best(header: str) -> str:
    ranges = _ranges(header)
    refused = {_language(tag) for tag, quality in ranges if quality == 0}
    accepted = [(tag, quality) for tag, quality in ranges if quality > 0]
    for tag, _quality in sorted(accepted, key=lambda pair: -pair[1]):
        candidates = LANGUAGES if tag == ANY else (_language(tag),)
        for language in candidates:
            if language is not None and language not in refused:
                return language
    return DEFAULT


def _ranges(header: str) -> list[tuple[str, float]]:
    """Each language range with its quality; one with a malformed quality is left out."""
    ranges = []
    for part in header.lower().split(","):
        tag, _, weight = part.partition(";")
        quality = WEIGHT.fullmatch(weight.strip()) if weight.strip() else None
        if quality is not None or not weight.strip():
            ranges.append((tag.strip(), float(quality[1]) if quality else 1.0))
    return ranges


def _language(tag: str) -> str | None:
    """Our language for a language range, or None."""
    parts = tag.split("-")
    for length in (len(parts), 2, 1):
        prefix = "-".join(parts[:length])
        if prefix in LANGUAGE_BY_TAG:
            return LANGUAGE_BY_TAG[prefix]
    return "en" if parts[0] == "en" else None
