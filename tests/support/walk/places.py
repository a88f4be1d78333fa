"""Dotted names of modules, functions and classes, as documents write them."""

from importlib import import_module
from typing import Any


def find(place: str) -> Any:
    """What a dotted name of a module, or of something in it, stands for."""
    names = place.split(".")
    for length in range(len(names), 0, -1):
        try:
            found: Any = import_module(".".join(names[:length]))
        except ModuleNotFoundError:
            continue
        for name in names[length:]:
            found = getattr(found, name)
        return found
    raise ModuleNotFoundError(place)
