"""The scenes and their chapters, by name, and how they are played."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from simulators.demo.checks import UnexpectedResult, expect_transcript
from simulators.demo.session import DemoSession, DemoSettings
from simulators.demo.troubles import (
    dismissal,
    lost_authorization,
    nobody_home,
    provider_outage,
    put_back,
    reroute,
    rules,
    silent_rider,
)

EXPECTED = Path(__file__).parent / "troubles" / "expected.txt"
MOST_SECONDS = 120.0
HEADING = "== "


@dataclass(frozen=True, slots=True)
class Chapter:
    """One story, told by a function that plays it."""

    name: str
    title: str
    play: Callable[[DemoSession], Awaitable[None]]


TROUBLES = (
    Chapter(
        "lost-authorization", "The authorization is lost while picking", lost_authorization.play
    ),
    Chapter("provider-outage", "The payment provider does not answer", provider_outage.play),
    Chapter("silent-rider", "The rider falls silent with the bags", silent_rider.play),
    Chapter("nobody-home", "Nobody is home, the bags come back", nobody_home.play),
    Chapter("reroute", "The store does not find a product", reroute.play),
    Chapter("put-back", "The order is called off when it is packed", put_back.play),
    Chapter("dismissal", "A picker is dismissed on an open socket", dismissal.play),
    Chapter("rules", "Rules that no role gets around", rules.play),
)


async def play_chapters(chapters: Sequence[Chapter], settings: DemoSettings, save: bool) -> None:
    """Play chapters and compare each with its expected transcript; `save` writes it instead.

    Raises UnexpectedResult or RequestFailed at the first difference.
    """
    expected = read_transcripts(EXPECTED)
    async with aiohttp.ClientSession() as http:
        run = DemoSession(http, settings)
        try:
            for chapter in chapters:
                lines = await _play(run, chapter)
                if save:
                    expected[chapter.title] = lines
                else:
                    expect_transcript(chapter.title, lines, expected.get(chapter.title, []))
        finally:
            await run.close()
    if save:
        write_transcripts(EXPECTED, {one.title: expected.get(one.title, []) for one in TROUBLES})


async def _play(run: DemoSession, chapter: Chapter) -> list[str]:
    run.script.heading(chapter.title)
    try:
        async with asyncio.timeout(MOST_SECONDS):
            await chapter.play(run)
    except TimeoutError:
        message = f"{chapter.name} is not done after {MOST_SECONDS:.0f} s"
        raise UnexpectedResult(message) from None
    finally:
        await run.end_chapter()
    return run.script.lines


def read_transcripts(path: Path) -> dict[str, list[str]]:
    """Read the expected lines of each chapter, by its title."""
    transcripts: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in path.read_text().splitlines() if path.exists() else []:
        if line.startswith(HEADING):
            lines = transcripts[line.removeprefix(HEADING)] = []
        elif line:
            lines.append(line)
    return transcripts


def write_transcripts(path: Path, transcripts: dict[str, list[str]]) -> None:
    """Write the lines of each chapter."""
    parts = ["\n".join([HEADING + title, "", *lines]) for title, lines in transcripts.items()]
    path.write_text("\n\n".join(parts) + "\n")
