"""Every enum of the models as the graph shows it: same name, same values, its docstring."""

import strawberry

from models.actor import Role
from models.base import Named


def show(enum: type[Named]) -> None:
    """Register an enum once, described by its docstring."""
    strawberry.enum(enum, description=(enum.__doc__ or "").strip())


def _all(base: type[Named]) -> list[type[Named]]:
    return base.__subclasses__()


for _enum in (Role, *(_kind for _kind in _all(Named) if _kind is not Role)):
    show(_enum)
