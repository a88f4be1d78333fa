"""Registers every enum of the models with the graph: same values, described.

Classes of GraphQL types are named `…Type`, so an enum of types is named `…Kind` in Python.

An enum is described by its docstring, a value by the string literal that follows it in the source.
"""

import inspect
import re
import sys
from functools import cache
from pathlib import Path

import strawberry

from database.base import NamedEnum

CLASS = re.compile(r"^class (\w+)\b[^\n]*:\n((?:[ \t][^\n]*\n|\n)*)", re.MULTILINE)
DESCRIBED_VALUE = re.compile(r'^    (\w+) = [^\n]+\n    ("""|")([^\\]*?)\2$', re.MULTILINE)

OPEN = "New values may be added."


def register(enum: type[NamedEnum]) -> None:
    """Register an enum with its description and those of its values."""
    description = f"{inspect.cleandoc(enum.__doc__ or '')} {OPEN}"
    strawberry.enum(enum, name=graph_name(enum), description=description)
    described = value_descriptions(enum)
    definition = enum.__strawberry_definition__  # type: ignore[attr-defined] # strawberry sets it
    for value in definition.values:
        value.description = described.get(value.name)


def graph_name(enum: type[NamedEnum]) -> str:
    """The name of an enum in the graph."""
    name = enum.__name__
    return f"{name.removesuffix('Kind')}Type" if name.endswith("Kind") else name


@cache
def value_descriptions(enum: type[NamedEnum]) -> dict[str, str]:
    """The descriptions of an enum's values by name; values without one are left out.

    Read from the text of the module: `ast.parse` and `inspect.getsource` raise SystemError before
    Python 3.11.8 when the garbage collector runs a finalizer that parses something meanwhile.
    """
    body = _class_bodies(enum.__module__)[enum.__name__]
    return {name: inspect.cleandoc(text) for name, _, text in DESCRIBED_VALUE.findall(body)}


@cache
def _class_bodies(module: str) -> dict[str, str]:
    """The source of the bodies of a module's classes, by name."""
    source = Path(sys.modules[module].__file__ or "").read_text(encoding="utf-8")
    return dict(CLASS.findall(source))


def register_all() -> None:
    """Register every enum that a module of the models declares."""
    for enum in NamedEnum.__subclasses__():
        register(enum)
