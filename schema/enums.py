"""Every enum of the models as the graph shows it: same name, same values, its docstring."""

import strawberry

from database.base import Named


def show(enum: type[Named]) -> None:
    """Register an enum once, described by its docstring."""
    strawberry.enum(enum, description=(enum.__doc__ or "").strip())


for _kind in Named.__subclasses__():
    show(_kind)
