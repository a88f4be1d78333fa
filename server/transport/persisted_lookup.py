"""Which text a request asks for: its own, or one that is known by its SHA-256."""

from typing import Any, Protocol

from execution import Answer, Engine, Prepared
from server.transport.operation import Operation
from server.transport.rejected import errors_of

# Both messages are part of a protocol: Apollo's link compares them.
NOT_FOUND = ("PERSISTED_QUERY_NOT_FOUND", "PersistedQueryNotFound")
NOT_SUPPORTED = ("PERSISTED_QUERY_NOT_SUPPORTED", "PersistedQueryNotSupported")


class Library(Protocol):
    """The documents that a server knows by their hash, and who may send others."""

    def at_hand(self, operation: Operation, context: Any) -> str | None:
        """The document to run if nothing has to be looked up, refused or remembered for it."""
        ...

    async def text(self, operation: Operation, context: Any) -> str | Answer:
        """The document to run for this caller, or why there is none."""
        ...

    async def keep(self, operation: Operation, context: Any) -> None:
        """Remember a valid document that came with its hash, if this caller may teach us."""
        ...


class NoLibrary:
    """Knows nothing by its hash, and lets everybody send what they like."""

    def at_hand(self, operation: Operation, context: Any) -> str | None:
        return operation.query

    async def text(self, operation: Operation, context: Any) -> str | Answer:
        return operation.query if operation.query is not None else refused(*NOT_SUPPORTED)

    async def keep(self, operation: Operation, context: Any) -> None:
        """There is nowhere to keep it."""


async def prepared_of(
    engine: Engine, library: Library, operation: Operation, context: Any
) -> Prepared | Answer:
    """The operation ready to run, or why it won't."""
    text = await library.text(operation, context)
    if isinstance(text, Answer):
        return text
    prepared = prepared_from(engine, text, operation, context)
    taught = operation.document_id is not None and operation.query is not None
    if taught and isinstance(prepared, Prepared):
        await library.keep(operation, context)
    return prepared


def prepared_from(
    engine: Engine, text: str, operation: Operation, context: Any
) -> Prepared | Answer:
    """The operation in this text ready to run, or why it won't."""
    prepared = engine.prepare(text, operation.operation_name)
    return engine.turned_away(prepared, context) if isinstance(prepared, Answer) else prepared


def refused(code: str, message: str) -> Answer:
    """The answer to a request whose document is not to be had."""
    return Answer(None, errors_of(code, message), executed=False)
