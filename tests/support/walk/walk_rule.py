"""A rule of who may see what, as the walk knows it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from database.base import Base
from models.identity import Actor, AppScope
from tests.support.walk.parties import Party, World

SCOPE = "models.identity.Actor.scope"


@dataclass(frozen=True)
class WalkRule:
    """One rule: `rows` are for `parties` alone, and so are the `values` of rows."""

    name: str
    place: str
    parties: tuple[Party, ...]
    rows: tuple[type[Base], ...] = ()
    values: Mapping[type[Base], tuple[str, ...]] = field(default_factory=dict)
    scopes: tuple[AppScope, ...] = ()
    apps: bool = True

    def permits(self, world: World, actor: Actor, row: Base) -> bool:
        """Whether the rule lets this actor learn of the row, or of its values."""
        lacks_scope = bool(self.scopes) and actor.scopes.isdisjoint(self.scopes)
        if actor.app_id is not None and (lacks_scope or not self.apps):
            return False
        return any(is_party(world, actor, row) for is_party in self.parties)


def rows_rule(
    name: str, parties: tuple[Party, ...], *rows: type[Base],
    scope: AppScope | tuple[AppScope, ...] = (), place: str = SCOPE, apps: bool = True,
) -> WalkRule:  # fmt: skip
    return WalkRule(name, place, parties, rows, {}, scopes_of(scope), apps)


def values_rule(
    name: str, place: str, parties: tuple[Party, ...], values: Mapping[type[Base], tuple[str, ...]],
    scope: AppScope | tuple[AppScope, ...] = (), apps: bool = True,
) -> WalkRule:  # fmt: skip
    return WalkRule(name, place, parties, (), values, scopes_of(scope), apps)


def scopes_of(scope: AppScope | tuple[AppScope, ...]) -> tuple[AppScope, ...]:
    return scope if isinstance(scope, tuple) else (scope,)
