"""Which documents may run: those of our own apps for everybody, any for staff and support."""

from collections.abc import Awaitable, Mapping

from execution import Answer
from resolvers.context import Context
from resolvers.rules import STORE_OR_SUPPORT
from server.persisted_queries.manifest import load_manifest
from server.persisted_queries.store import PersistedQueryStore
from server.settings import Settings
from server.transport.document_lookup import (
    NOT_FOUND,
    NOT_SUPPORTED,
    FetchedDocument,
    document_error,
)
from server.transport.operation import Operation

PERSISTED_ONLY = "PERSISTED_ONLY"
MESSAGE = "Send a document of the published manifest by its SHA-256: free documents are for staff."


class PersistedQueries:
    """Implements the transport's `DocumentLookup` by the manifest and, where there is one, a store.

    With `any_document` everybody may send any document; without it only staff, support and admins
    may, and only they reach the store: what they stored is not for everybody.
    """

    def __init__(
        self, manifest: Mapping[str, str], *, any_document: bool, store: PersistedQueryStore | None
    ) -> None:
        self._manifest = manifest
        self._texts = frozenset(manifest.values())
        self._any_document = any_document
        self._store = store

    def find(self, operation: Operation, context: Context) -> str | Answer | FetchedDocument:
        """Return the document to run for this caller, or the answer that refuses it."""
        document_id, query = operation.document_id, operation.query
        if document_id is not None and document_id in self._manifest:
            return self._manifest[document_id]
        if query is not None:
            if self._may_send(context) or query in self._texts:
                return query
            return document_error(PERSISTED_ONLY, MESSAGE)
        if self._store is None or document_id is None:
            return document_error(*NOT_SUPPORTED)
        if not self._may_send(context):
            return document_error(PERSISTED_ONLY, MESSAGE)
        return self._fetch(self._store, document_id)

    async def _fetch(self, store: PersistedQueryStore, document_id: str) -> str | Answer:
        return await store.find(document_id) or document_error(*NOT_FOUND)

    def store(self, operation: Operation, context: Context) -> Awaitable[None] | None:
        """Store a valid document of a caller who may send it; None when there is none to store."""
        document_id, query = operation.document_id, operation.query
        if self._store is None or document_id is None or query is None:
            return None
        if document_id in self._manifest or not self._may_send(context):
            return None
        return self._store.put(document_id, query)

    async def aclose(self) -> None:
        """Close the store."""
        if self._store is not None:
            await self._store.aclose()

    def _may_send(self, context: Context) -> bool:
        return self._any_document or STORE_OR_SUPPORT.allows(context.actor)


def open_persisted_queries(settings: Settings) -> PersistedQueries:
    """Build the lookup of this installation: only development allows any document."""
    stores = settings.automatic_persisted_queries and settings.redis_url
    return PersistedQueries(
        load_manifest(settings.manifest_file),
        any_document=settings.development,
        store=PersistedQueryStore(settings.redis_url) if stores else None,
    )
