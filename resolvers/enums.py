"""Registers every enum of the models with the graph: same values, described.

Classes of GraphQL types are named `…Type`, so an enum of types is named `…Kind` in Python.

An enum is described by its docstring, a value by the string literal that follows it in the source.
"""

import ast
import inspect
import textwrap
from itertools import pairwise

import strawberry

from database.base import NamedEnum


def register(enum: type[NamedEnum]) -> None:
    """Register an enum with its description and those of its values."""
    description = inspect.cleandoc(enum.__doc__ or "")
    strawberry.enum(enum, name=graph_name(enum), description=description)
    described = value_descriptions(enum)
    definition = enum.__strawberry_definition__  # type: ignore[attr-defined] # strawberry sets it
    for value in definition.values:
        value.description = described.get(value.name)


def graph_name(enum: type[NamedEnum]) -> str:
    """The name of an enum in the graph."""
    name = enum.__name__
    return f"{name.removesuffix('Kind')}Type" if name.endswith("Kind") else name


def value_descriptions(enum: type[NamedEnum]) -> dict[str, str]:
    """The descriptions of an enum's values by name; values without one are left out."""
    (body,) = ast.parse(textwrap.dedent(inspect.getsource(enum))).body
    statements = body.body if isinstance(body, ast.ClassDef) else []
    descriptions = {}
    for member, text in pairwise(statements):
        if isinstance(member, ast.Assign) and isinstance(text, ast.Expr):
            literal, target = text.value, member.targets[0]
            if isinstance(literal, ast.Constant) and isinstance(target, ast.Name):
                descriptions[target.id] = inspect.cleandoc(str(literal.value))
    return descriptions


def register_all() -> None:
    """Register every enum that a module of the models declares."""
    for enum in NamedEnum.__subclasses__():
        register(enum)
