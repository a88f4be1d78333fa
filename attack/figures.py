"""What a class of attacks is, and the figures that it returns."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from attack.target import Target


@dataclass(frozen=True, slots=True)
class Effort:
    """How much a class may do; `scale` is smaller in the short form."""

    short: bool

    def scale(self, count: int) -> int:
        """So many attempts in the full form, a tenth of them in the short one."""
        return max(1, count // 10) if self.short else count


@dataclass(frozen=True, slots=True)
class Figure:
    """One result of a class: it holds when the value is at most the bound, or at least."""

    name: str
    value: float
    bound: float
    unit: str = ""
    at_least: bool = False

    @property
    def holds(self) -> bool:
        return self.value >= self.bound if self.at_least else self.value <= self.bound

    def __str__(self) -> str:
        relation = ">=" if self.at_least else "<="
        verdict = "ok" if self.holds else "SHORT"
        result = f"{self.value:>10,.4g} {relation} {self.bound:<8,.4g} {self.unit:3}"
        return f"{self.name:58} {result} {verdict}"


Attack = Callable[[Target, Effort], Awaitable[Sequence[Figure]]]


@dataclass(frozen=True, slots=True)
class AttackClass:
    """A class of attacks: its name, and what it does in one sentence."""

    name: str
    description: str
    run: Attack
    waits: bool = False
    """Whether it mostly waits: such classes run at the same time, from addresses of their own."""
