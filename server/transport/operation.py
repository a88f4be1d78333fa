"""The parameters of a GraphQL request, checked for shape wherever they come from."""

import re
from hashlib import sha256
from typing import Any, NamedTuple

_SHA256 = re.compile(r"(?:sha256:)?([0-9a-f]{64})")


class MalformedRequest(ValueError):
    """Request parameters that are not what GraphQL over HTTP defines."""


class Operation(NamedTuple):
    """One well-formed request, not yet parsed as GraphQL."""

    query: str | None
    operation_name: str | None
    variables: dict[str, Any] | None
    extensions: dict[str, Any] | None
    document_id: str | None = None
    """SHA-256 of the document in hexadecimal, if the request names it so."""


def parse_operation(parameters: object, *, levels: int) -> Operation:
    """Parse decoded JSON; raises MalformedRequest with the first fault.

    An empty text is no value, for each parameter and by every way in: a URL has no other way to
    write null.
    """
    if isinstance(parameters, list):
        raise MalformedRequest("Send one operation a request: batches are not accepted.")
    if not isinstance(parameters, dict):
        raise MalformedRequest("A GraphQL request is a JSON object with a 'query'.")
    parameters = {name: value for name, value in parameters.items() if value != ""}
    extensions = _mapping(parameters, "extensions", levels)
    document_id = _document_id(parameters, extensions or {})
    query = parameters.get("query")
    if not isinstance(query, str) and not (query is None and document_id is not None):
        raise MalformedRequest("'query' must be a string.")
    if document_id is not None and query is not None and _sha256(query) != document_id:
        raise MalformedRequest("The document's SHA-256 is not the one given with it.")
    name = parameters.get("operationName")
    if name is not None and not isinstance(name, str):
        raise MalformedRequest("'operationName' must be a string or null.")
    return Operation(
        query=query,
        operation_name=name,
        variables=_mapping(parameters, "variables", levels),
        extensions=extensions,
        document_id=document_id,
    )


def _document_id(parameters: dict[str, Any], extensions: dict[str, Any]) -> str | None:
    """The hash in `documentId`, or in `extensions.persistedQuery` as Apollo's clients send it."""
    named = [parameters.get("documentId")]
    persisted = extensions.get("persistedQuery")
    if isinstance(persisted, dict):
        if persisted.get("version") != 1:
            raise MalformedRequest("'persistedQuery' is understood in version 1.")
        named.append(persisted.get("sha256Hash", ""))
    elif persisted is not None:
        raise MalformedRequest("'persistedQuery' must be an object.")
    hashes = {_hash(name) for name in named if name is not None}
    if len(hashes) > 1:
        raise MalformedRequest("'documentId' and 'persistedQuery' name two documents.")
    return hashes.pop() if hashes else None


def _sha256(text: str) -> str:
    return sha256(text.encode(errors="replace")).hexdigest()


def _hash(name: object) -> str:
    match = _SHA256.fullmatch(name.lower()) if isinstance(name, str) else None
    if match is None:
        raise MalformedRequest("A document is named by its SHA-256: 64 hexadecimal digits.")
    return match[1]


def _mapping(parameters: dict[str, Any], key: str, levels: int) -> dict[str, Any] | None:
    value = parameters.get(key)
    if value is None:
        return None
    if not isinstance(value, dict):
        raise MalformedRequest(f"'{key}' must be an object or null.")
    if _deeper_than(levels, value):
        raise MalformedRequest(f"'{key}' is nested more than {levels} levels deep.")
    return value


def _deeper_than(levels: int, value: object) -> bool:
    # Level by level, not by recursion: the client chooses the depth.
    level: list[object] = [value]
    for _ in range(levels + 1):
        below: list[object] = []
        for item in level:
            if isinstance(item, dict):
                below.extend(item.values())
            elif isinstance(item, list):
                below.extend(item)
        if not below:
            return False
        level = below
    return True
