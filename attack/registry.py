"""The classes of attacks, and the figures that they return."""

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


def all_classes() -> list[AttackClass]:
    """Every class, in the order of the run. A new class is one more line here."""
    from attack.classes import (
        bodies,
        codes,
        connections,
        costs,
        documents,
        extremes,
        floods,
        foreign,
        frames,
        heads,
        revocation,
        sockets,
    )

    return [
        AttackClass("heads", "heads without an end or of any size", heads.attack),
        AttackClass("extremes", "extremes of every argument and cursor", extremes.attack),
        AttackClass("foreign", "ids of others, from every role at every door", foreign.attack),
        AttackClass("floods", "sign-ins and guests of many networks", floods.attack),
        AttackClass("codes", "floods of wrong codes at every door that takes one", codes.attack),
        AttackClass("costs", "whatever takes most CPU for what it costs", costs.attack),
        AttackClass("documents", "documents and bodies of every malicious kind", documents.attack),
        AttackClass("frames", "frames of every malicious kind on sockets", frames.attack),
        AttackClass("revocation", "doors of people and apps whose right ends", revocation.attack),
        AttackClass("bodies", "bodies that drip, or are framing", bodies.attack, waits=True),
        AttackClass("connections", "silent and half-sent requests", connections.attack, waits=True),
        AttackClass("sockets", "sockets that say or read nothing", sockets.attack, waits=True),
    ]  # fmt: skip
