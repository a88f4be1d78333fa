"""The classes of attacks."""

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
from attack.figures import AttackClass


def all_classes() -> list[AttackClass]:
    """Every class, in the order of the run. A new class is one more line here."""
    return [
        AttackClass("heads", "heads without an end or of any size", heads.attack),
        AttackClass("extremes", "extremes of every argument and cursor", extremes.attack),
        AttackClass("foreign", "ids of others, from every role everywhere", foreign.attack),
        AttackClass("floods", "sign-ins and guests of many networks", floods.attack),
        AttackClass("codes", "floods of wrong codes wherever one is taken", codes.attack),
        AttackClass("costs", "whatever takes most CPU for what it costs", costs.attack),
        AttackClass("documents", "documents and bodies of every malicious kind", documents.attack),
        AttackClass("frames", "frames of every malicious kind on sockets", frames.attack),
        AttackClass("revocation", "uses of people and apps whose right ends", revocation.attack),
        AttackClass("bodies", "bodies that drip, or are framing", bodies.attack, waits=True),
        AttackClass("connections", "silent and half-sent requests", connections.attack, waits=True),
        AttackClass("sockets", "sockets that say or read nothing", sockets.attack, waits=True),
    ]  # fmt: skip
