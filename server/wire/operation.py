"""The four parameters of a GraphQL request, checked for shape wherever they come from."""

from dataclasses import dataclass
from typing import Any


class Misshapen(ValueError):
    """Request parameters that are not what GraphQL over HTTP defines."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One well-formed request, not yet parsed as GraphQL."""

    query: str
    operation_name: str | None
    variables: dict[str, Any] | None
    extensions: dict[str, Any] | None


def operation_of(parameters: object, *, levels: int) -> Operation:
    """Answer the operation that decoded JSON asks for; raises Misshapen with the first fault."""
    if isinstance(parameters, list):
        raise Misshapen("Send one operation a request: batches are not accepted.")
    if not isinstance(parameters, dict):
        raise Misshapen("A GraphQL request is a JSON object with a 'query'.")
    query = parameters.get("query")
    if not isinstance(query, str):
        raise Misshapen("'query' must be a string.")
    name = parameters.get("operationName")
    if name is not None and not isinstance(name, str):
        raise Misshapen("'operationName' must be a string or null.")
    return Operation(
        query=query,
        operation_name=name,
        variables=_mapping(parameters, "variables", levels),
        extensions=_mapping(parameters, "extensions", levels),
    )


def _mapping(parameters: dict[str, Any], key: str, levels: int) -> dict[str, Any] | None:
    value = parameters.get(key)
    if value is None:
        return None
    if not isinstance(value, dict):
        raise Misshapen(f"'{key}' must be an object or null.")
    if _deeper_than(levels, value):
        raise Misshapen(f"'{key}' is nested more than {levels} levels deep.")
    return value


def _deeper_than(levels: int, value: object) -> bool:
    # Level by level, not by recursion: the depth is the stranger's to choose.
    here: list[object] = [value]
    for _ in range(levels + 1):
        below: list[object] = []
        for item in here:
            if isinstance(item, dict):
                below.extend(item.values())
            elif isinstance(item, list):
                below.extend(item)
        if not below:
            return False
        here = below
    return True
