"""Runs the classes, and prints a line for each figure."""

import argparse
import asyncio
import sys
from collections.abc import Sequence

from attack.figures import AttackClass, Effort, Figure
from attack.registry import all_classes
from attack.target import Target, production_server

CLASS_SECONDS = 900.0
"""For one that does not end at all: no figure is a time that another load could change."""


async def run_class(one: AttackClass, target: Target, effort: Effort) -> Sequence[Figure]:
    """The figures of a class; one that does not end or breaks has a figure that says so."""
    try:
        async with asyncio.timeout(CLASS_SECONDS):
            figures = list(await one.run(target, effort))
    except Exception as error:
        print(f"{one.name}: {type(error).__name__}: {error}", file=sys.stderr)
        figures = [Figure("the class came to its end", 0, 1, at_least=True)]
    return [*figures, Figure("the server is alive", target.alive(), 1, at_least=True)]


async def run(classes: Sequence[AttackClass], target: Target, effort: Effort) -> int:
    """Print what each class found; how many figures fell short."""
    short = 0
    waiting = [one for one in classes if one.waits]
    for group in [*([one] for one in classes if not one.waits), waiting]:
        results = await asyncio.gather(*(run_class(one, target, effort) for one in group))
        for one, figures in zip(group, results, strict=True):
            print(f"{one.name}: {one.description}")
            print("\n".join(f"  {figure}" for figure in figures), flush=True)
            short += sum(not figure.holds for figure in figures)
    return short


def main() -> int:
    """Attack; 1 when a figure falls short."""
    parser = argparse.ArgumentParser(prog="attack", description=__doc__)
    names = [one.name for one in all_classes()]
    parser.add_argument("--short", action="store_true", help="less of everything, in a minute")
    parser.add_argument("--only", nargs="+", choices=names, default=names)
    chosen = parser.parse_args()
    classes = [one for one in all_classes() if one.name in chosen.only]
    with production_server() as target:
        short = asyncio.run(run(classes, target, Effort(chosen.short)))
    if short:
        print(f"attack: {short} figures fell short.", file=sys.stderr)
    return int(short > 0)


if __name__ == "__main__":
    sys.exit(main())
