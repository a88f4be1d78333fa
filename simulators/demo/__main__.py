"""`python -m simulators.demo [SCENE ...]`: plays scenes with real clients.

Scenes are `order` (the default: one order from storefront to refund), `troubles`, each of its
chapters by name, and `all`.
"""

import asyncio
import os
import sys
from argparse import ArgumentParser
from collections.abc import Sequence

from simulators.client import RequestFailed
from simulators.demo.chapters import TROUBLES, Chapter, play_chapters
from simulators.demo.checks import UnexpectedResult
from simulators.demo.play import play
from simulators.demo.session import NEEDED, DemoSettings, read_settings

MOST_SECONDS = 60.0
ORDER, ALL = "order", "all"
SCENES: dict[str, Sequence[Chapter]] = {"troubles": TROUBLES} | {
    chapter.name: (chapter,) for chapter in TROUBLES
}


def main() -> int:
    """Play; 0 when everything went as it should, 1 with the difference otherwise."""
    options = ArgumentParser(prog="make demo")
    # The default is one of the choices, so that the message about another scene lists only scenes.
    options.add_argument(
        "scenes", nargs="*", default=ORDER, choices=[ORDER, *SCENES, ALL], metavar="SCENE"
    )
    options.add_argument("--save", action="store_true", help="write the expected transcripts")
    given = options.parse_args()
    wanted = [given.scenes] if isinstance(given.scenes, str) else given.scenes
    scenes = [ORDER, "troubles"] if ALL in wanted else wanted
    try:
        for scene in scenes:
            asyncio.run(_play(scene, save=given.save))
    except (RequestFailed, UnexpectedResult) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    except TimeoutError:
        print(f"demo: not done after {MOST_SECONDS:.0f} s", file=sys.stderr)
        return 1
    return 0


async def _play(scene: str, *, save: bool) -> None:
    if scene == ORDER:
        settings = read_settings(os.environ, "STRIPE_API_BASE")
        await _play_order(settings)
    else:
        await play_chapters(SCENES[scene], read_settings(os.environ, *NEEDED), save)


async def _play_order(settings: DemoSettings) -> None:
    async with asyncio.timeout(MOST_SECONDS):
        await play(settings.url, settings.card_provider)


if __name__ == "__main__":
    sys.exit(main())
