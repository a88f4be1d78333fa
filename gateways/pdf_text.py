"""Text of printed papers: the fonts, what they can print, and in which direction a text runs.

A text is shaped, ordered and broken into lines by Typst. Before that, what no font has a glyph for
is replaced, so that a paper never shows an empty box.
"""

import logging
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import typst
from fontTools.ttLib import TTFont

log = logging.getLogger("darkstore.papers")

FONT_FOLDER = Path(__file__).resolve().parent.parent / "data" / "fonts"
MAIN_FAMILY = "Noto Sans"
LAST_FAMILIES = ("Noto Sans SC", "Noto Sans KR", "Noto Sans CJK HK", "Noto Emoji",
                 "Noto Sans Symbols", "Noto Sans Symbols2")  # fmt: skip
"""Fonts that have digits and Latin letters too: the others come first."""
REPLACEMENT = "\ufffd"
"""A question mark in a black diamond: nobody reads it as part of a name."""
MAX_TEXT_CHARACTERS = 300
MAX_LOGGED_CHARACTERS = 10
JOINERS = "\u200c\u200d"
ZERO_WIDTH_SPACE = "\u200b"
SKIN_TONES = range(0x1F3FB, 0x1F400)
WORD = re.compile(
    r"[^\s\u0e00-\u109f\u1780-\u17ff\u2e80-\ua4cf\uaa60-\uaa7f"
    r"\uac00-\ud7af\uf900-\ufaff\uff00-\uffef\U0001f000-\U0003ffff]+"
)
"""A word of a script in which Typst breaks lines at spaces only. It finds more places in Thai, Lao,
Tibetan, Burmese, Khmer, Han, kana, Yi, Hangul and emoji."""
LONG_WORD = 30
BREAK_EVERY = 12


@dataclass(frozen=True, slots=True)
class PaperFonts:
    """The fonts of papers: their families in the order in which they are tried."""

    files: typst.Fonts
    coverages: Mapping[str, frozenset[int]]
    """The characters of each family."""

    def covers(self, cluster: str) -> bool:
        """Whether one font has all characters of a cluster."""
        needed = {ord(one) for one in cluster if not _is_ignorable(one)}
        return any(needed <= coverage for coverage in self.coverages.values())

    def families_for(self, text: str) -> list[str]:
        """The families that a text needs: Typst sets it once again with each that it is given."""
        others = {ord(one) for one in text} - self.coverages[MAIN_FAMILY]
        return [
            family
            for family, coverage in self.coverages.items()
            if family == MAIN_FAMILY or not others.isdisjoint(coverage)
        ]


@cache
def paper_fonts() -> PaperFonts:
    """The fonts in data/fonts; reading them takes about a second, once in a process."""
    files = typst.Fonts(
        include_system_fonts=False, include_embedded_fonts=False, font_paths=[str(FONT_FOLDER)]
    )
    coverages = {}
    for path in sorted(FONT_FOLDER.glob("*-Regular.*tf")):
        with TTFont(path, lazy=True) as font:
            # Typst drops the weight from the family's name too.
            family = str(font["name"].getDebugName(1)).removesuffix(" Thin")
            coverages[family] = frozenset(font.getBestCmap())
    others = [name for name in coverages if name not in (MAIN_FAMILY, *LAST_FAMILIES)]
    ordered = (MAIN_FAMILY, *others, *LAST_FAMILIES)
    return PaperFonts(files, {name: coverages[name] for name in ordered})


def printable(text: str, long_word: int = LONG_WORD) -> str:
    """A text of which every character has a glyph, on one line and of bounded length.

    What no font has becomes its plain form, as a mathematical letter does, or else a replacement
    character, and a warning is logged; so does a mark that no font has for its letter. Characters
    that would change the order of a line are left out. A word of more than `long_word` characters
    gets places where it may be broken.
    """
    if len(text) > MAX_TEXT_CHARACTERS:
        text = f"{text[: MAX_TEXT_CHARACTERS - 1]}…"
    fonts, replaced = paper_fonts(), set[str]()
    clusters: list[str] = []
    for cluster in _clusters(unicodedata.normalize("NFC", text)):
        plain = unicodedata.normalize("NFKC", cluster)
        shown = next((one for one in (cluster, plain) if one == " " or fonts.covers(one)), None)
        if shown is None:
            letter = cluster[0] if fonts.covers(cluster[0]) else ""
            shown = letter + REPLACEMENT
            replaced.update(cluster.removeprefix(letter))
        clusters.append(shown)
    if replaced:
        names = [f"U+{ord(one):04X}" for one in sorted(replaced)[:MAX_LOGGED_CHARACTERS]]
        log.warning("no font has a glyph for %s: replaced in a paper", ", ".join(names))
    line = "".join(clusters).strip()
    return WORD.sub(lambda word: _breakable(word[0], long_word), line)


def is_right_to_left(text: str) -> bool:
    """Whether the first letter that has a direction is written from right to left."""
    directions = (unicodedata.bidirectional(one) for one in text)
    return next((one != "L" for one in directions if one in ("L", "R", "AL")), False)


def _clusters(text: str) -> Iterator[str]:
    """Letters with their marks, and emoji that are joined."""
    cluster = ""
    for one in map(_plain_space, text):
        category = unicodedata.category(one)
        if category == "Cf" and one not in JOINERS:
            continue
        joins = category[0] == "M" or one in JOINERS or ord(one) in SKIN_TONES
        if cluster.strip() and (joins or cluster.endswith("\u200d")):
            cluster += one
            continue
        if cluster:
            yield cluster
        # A mark or joiner without a letter is not printed.
        cluster = "" if category[0] == "M" or one in JOINERS else one
    if cluster:
        yield cluster


def _plain_space(character: str) -> str:
    """A space for any space, tab, line break or other control character."""
    return " " if unicodedata.category(character) in ("Cc", "Zs", "Zl", "Zp") else character


def _is_ignorable(character: str) -> bool:
    return character in JOINERS or character == "\u034f" or "\ufe00" <= character <= "\ufe0f"


def _breakable(word: str, long_word: int) -> str:
    if len(word) <= long_word:
        return word
    clusters = [""]
    for one in word:
        joins = unicodedata.category(one)[0] == "M" or one in JOINERS
        if len(clusters[-1]) >= BREAK_EVERY and not joins and clusters[-1][-1] not in JOINERS:
            clusters.append("")
        clusters[-1] += one
    return ZERO_WIDTH_SPACE.join(clusters)
