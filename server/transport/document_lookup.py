"""Which document a request runs: the text it carries, or one that is known by its SHA-256."""

from collections.abc import Awaitable, Coroutine
from typing import Any, Protocol

from execution import Answer, Engine, PreparedOperation
from server.transport.operation import Operation
from server.transport.rejection import single_error

# Both messages are part of a protocol: Apollo's link compares them.
NOT_FOUND = ("PERSISTED_QUERY_NOT_FOUND", "PersistedQueryNotFound")
NOT_SUPPORTED = ("PERSISTED_QUERY_NOT_SUPPORTED", "PersistedQueryNotSupported")


FetchedDocument = Coroutine[Any, Any, str | Answer]


class DocumentLookup(Protocol):
    """The documents that a server knows by their hash, and who may send others."""

    def find(self, operation: Operation, context: Any) -> str | Answer | FetchedDocument:
        """Return the document to run for this caller, or the answer that refuses it.

        Returns a coroutine when the document must be fetched.
        """
        ...

    def store(self, operation: Operation, context: Any) -> Awaitable[None] | None:
        """Store a valid document that came with its hash, if this caller may; None if not."""
        ...


class NoPersistedQueries:
    """Knows no document by its hash, and lets everybody send any text."""

    def find(self, operation: Operation, context: Any) -> str | Answer:
        return operation.query if operation.query is not None else document_error(*NOT_SUPPORTED)

    def store(self, operation: Operation, context: Any) -> None:
        """Do nothing."""


def prepare_operation(
    engine: Engine, documents: DocumentLookup, operation: Operation, context: Any
) -> PreparedOperation | Answer | Awaitable[PreparedOperation | Answer]:
    """Return the operation ready to run, or the answer that refuses it.

    Returns an awaitable, which has to be awaited, when its document must be fetched or stored.
    """
    document = documents.find(operation, context)
    if isinstance(document, str):
        return _prepare(engine, documents, document, operation, context)
    # Neither a refusal nor a look-up comes to an operation that would be paid for.
    refusal = engine.admit_request(context)
    if refusal is not None:
        if not isinstance(document, Answer):
            document.close()
        return refusal
    if isinstance(document, Answer):
        return document
    return _prepare_fetched(engine, documents, document, operation, context)


async def _prepare_fetched(
    engine: Engine,
    documents: DocumentLookup,
    fetched: FetchedDocument,
    operation: Operation,
    context: Any,
) -> PreparedOperation | Answer:
    document = await fetched
    if isinstance(document, Answer):
        return document
    prepared = _prepare(engine, documents, document, operation, context)
    return prepared if isinstance(prepared, PreparedOperation | Answer) else await prepared


def _prepare(
    engine: Engine, documents: DocumentLookup, document: str, operation: Operation, context: Any
) -> PreparedOperation | Answer | Awaitable[PreparedOperation]:
    prepared = engine.prepare(document, operation.operation_name, context)
    if isinstance(prepared, Answer):
        return prepared
    if operation.document_id is not None and operation.query is not None:
        storing = documents.store(operation, context)
        if storing is not None:
            return _after(storing, prepared)
    return prepared


async def _after(storing: Awaitable[None], prepared: PreparedOperation) -> PreparedOperation:
    await storing
    return prepared


def document_error(code: str, message: str) -> Answer:
    """The answer to a request whose document can't be run."""
    return Answer(None, single_error(code, message), executed=False)
