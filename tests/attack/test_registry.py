"""The run of the attacks: a figure that falls short, or a class that breaks, fails it."""

from collections.abc import Sequence
from typing import cast

import pytest

from attack.__main__ import run
from attack.figures import AttackClass, Effort, Figure
from attack.registry import all_classes
from attack.target import Target


class FakeTarget:
    """A server that is alive or not."""

    def __init__(self, *, alive: bool = True) -> None:
        self._alive = alive

    def alive(self) -> bool:
        return self._alive


def attack_class(*figures: Figure, waits: bool = False) -> AttackClass:
    async def attack(target: Target, effort: Effort) -> Sequence[Figure]:
        if not figures:
            raise ConnectionError("gone")
        return figures

    return AttackClass("fake", "a class of this test", attack, waits)


GOOD = Figure("good", 1, 1)
LARGE, FEW = Figure("too large", 2, 1), Figure("too few", 0, 1, at_least=True)


@pytest.mark.parametrize(
    ("classes", "short"),
    [
        ([attack_class(GOOD)], 0),
        ([attack_class(GOOD, LARGE), attack_class(FEW)], 2),
        ([attack_class(LARGE, waits=True), attack_class(GOOD, waits=True)], 1),
        ([attack_class()], 1),
    ],
)
async def test_every_figure_that_falls_short_is_counted(
    classes: list[AttackClass], short: int, capsys: pytest.CaptureFixture[str]
) -> None:
    target = cast("Target", FakeTarget())
    assert await run(classes, target, Effort(short=True)) == short
    assert capsys.readouterr().out.count("SHORT") == short


async def test_a_server_that_ends_under_attack_falls_short() -> None:
    target = cast("Target", FakeTarget(alive=False))
    assert await run([attack_class(GOOD)], target, Effort(short=True)) == 1


def test_classes_have_names_of_their_own_and_are_described() -> None:
    names = [one.name for one in all_classes()]
    assert len(set(names)) == len(names)
    assert all(one.description for one in all_classes())
