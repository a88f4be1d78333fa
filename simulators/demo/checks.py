"""What a demo compares while it plays."""

import asyncio
import difflib
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

POLL_SECONDS = 0.1


class UnexpectedResult(Exception):
    """A result differs from the expected one."""


def expect(what: str, found: Any, wanted: Any) -> None:
    """Raise UnexpectedResult unless the two are equal."""
    if found != wanted:
        raise UnexpectedResult(f"{what} is {found!r}, it should be {wanted!r}")


def expect_transcript(title: str, lines: Sequence[str], wanted: Sequence[str]) -> None:
    """Raise UnexpectedResult with the differing lines unless the transcripts are equal."""
    if [*lines] != [*wanted]:
        names = ("expected", "played")
        difference = "\n".join(difflib.unified_diff(wanted, lines, *names, lineterm=""))
        raise UnexpectedResult(f"the transcript of {title!r} differs:\n{difference}")


async def wait_until(what: str, check: Callable[[], Awaitable[Any]], seconds: float) -> Any:
    """Ask again until the answer is not empty; raises UnexpectedResult when it stays empty."""
    try:
        async with asyncio.timeout(seconds):
            while True:
                if found := await check():
                    return found
                await asyncio.sleep(POLL_SECONDS)
    except TimeoutError:
        raise UnexpectedResult(f"this did not happen within {seconds:.0f} s: {what}") from None
