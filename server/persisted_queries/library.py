"""Whose documents run: those of our own apps for everybody, free ones for those who may."""

import logging
from collections import OrderedDict
from collections.abc import Mapping
from contextlib import suppress

from redis.asyncio import Redis
from redis.exceptions import RedisError

from execution import Answer
from resolvers.context import Context
from resolvers.rules import STORE_OR_SUPPORT
from server.persisted_queries.manifest import load
from server.settings import Settings
from server.transport import NOT_FOUND, NOT_SUPPORTED, Operation, refused

log = logging.getLogger("darkstore.library")

PERSISTED_ONLY = "PERSISTED_ONLY"
ABOUT = "Send a document of the published manifest by its SHA-256: free documents are for staff."

SHELF_SECONDS = 24 * 3600
SHELF_DOCUMENTS_COUNT = 2_000
SHELF_DOCUMENT_CHARACTERS = 8_192
NEAR_DOCUMENTS_COUNT = 500
TRIP_SECONDS = 0.25
PREFIX = "darkstore:document:"
INDEX = "darkstore:documents"

# The oldest documents make room for the newest.
KEEP = """
redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[4])
local clock = redis.call('TIME')
redis.call('ZADD', KEYS[2], clock[1] * 1000000 + clock[2], ARGV[1])
redis.call('EXPIRE', KEYS[2], ARGV[4])
local over = redis.call('ZCARD', KEYS[2]) - tonumber(ARGV[3])
if over > 0 then
  local old = redis.call('ZPOPMIN', KEYS[2], over)
  for i = 1, #old, 2 do redis.call('DEL', ARGV[5] .. old[i]) end
end
"""


class Shelf:
    """Documents that clients taught us, shared in Redis for a day; the last used ones at hand."""

    def __init__(self, redis_url: str, documents_count: int = SHELF_DOCUMENTS_COUNT) -> None:
        self._redis = Redis.from_url(
            redis_url,
            socket_timeout=TRIP_SECONDS,
            socket_connect_timeout=TRIP_SECONDS,
            decode_responses=True,
        )
        self._keep = self._redis.register_script(KEEP)
        self._most = documents_count
        self._near: OrderedDict[str, str] = OrderedDict()

    async def find(self, document_id: str) -> str | None:
        """The document, or None when nobody has taught it (or Redis is away: it is sent again)."""
        if document_id in self._near:
            self._near.move_to_end(document_id)
            return self._near[document_id]
        try:
            found = await self._redis.get(PREFIX + document_id)
        except (RedisError, OSError, TimeoutError) as error:
            log.warning("a document could not be looked up: %s", error)
            return None
        if not isinstance(found, str):
            return None
        self._remember(document_id, found)
        return found

    async def put(self, document_id: str, text: str) -> None:
        """Keep a document; one that is too long, or that Redis does not take, is sent again."""
        if len(text) > SHELF_DOCUMENT_CHARACTERS or document_id in self._near:
            return
        try:
            await self._keep(
                keys=[PREFIX + document_id, INDEX],
                args=[document_id, text, self._most, SHELF_SECONDS, PREFIX],
            )
        except (RedisError, OSError, TimeoutError) as error:
            log.warning("a document could not be kept: %s", error)
            return
        self._remember(document_id, text)

    async def aclose(self) -> None:
        """Let go of Redis."""
        with suppress(RedisError, OSError):
            await self._redis.aclose()

    def _remember(self, document_id: str, text: str) -> None:
        self._near[document_id] = text
        if len(self._near) > NEAR_DOCUMENTS_COUNT:
            self._near.popitem(last=False)


class HouseLibrary:
    """Implements the wire's `Library` by the manifest, and by a shelf where clients may teach us.

    With `free` everybody may send any document; without it only staff, support and admins may,
    and only they reach the shelf: what they teach is not for everybody.
    """

    def __init__(self, manifest: Mapping[str, str], *, free: bool, shelf: Shelf | None) -> None:
        self._manifest = manifest
        self._texts = frozenset(manifest.values())
        self._free = free
        self._shelf = shelf

    def at_hand(self, operation: Operation, context: Context) -> str | None:
        """The document to run, of the manifest or sent along, if it may be run as it is."""
        if operation.document_id is not None:
            return self._manifest.get(operation.document_id)
        query = operation.query
        return query if self._may_send(context) or query in self._texts else None

    async def text(self, operation: Operation, context: Context) -> str | Answer:
        """The document to run for this caller, or why there is none."""
        document_id, query = operation.document_id, operation.query
        if document_id is not None and document_id in self._manifest:
            return self._manifest[document_id]
        if query is not None:
            if self._may_send(context) or query in self._texts:
                return query
            return refused(PERSISTED_ONLY, ABOUT)
        if self._shelf is None or document_id is None:
            return refused(*NOT_SUPPORTED)
        if not self._may_send(context):
            return refused(PERSISTED_ONLY, ABOUT)
        return await self._shelf.find(document_id) or refused(*NOT_FOUND)

    async def keep(self, operation: Operation, context: Context) -> None:
        """Remember a valid document of somebody who may send it."""
        document_id, query = operation.document_id, operation.query
        if self._shelf is None or document_id is None or query is None:
            return
        if document_id not in self._manifest and self._may_send(context):
            await self._shelf.put(document_id, query)

    async def aclose(self) -> None:
        """Let go of the shelf."""
        if self._shelf is not None:
            await self._shelf.aclose()

    def _may_send(self, context: Context) -> bool:
        return self._free or STORE_OR_SUPPORT.allows(context.actor)


def open_library(settings: Settings) -> HouseLibrary:
    """The library of this installation: free for all in development alone."""
    teachable = settings.teachable and settings.redis_url
    shelf = Shelf(settings.redis_url) if teachable else None
    return HouseLibrary(load(settings.manifest_file), free=settings.development, shelf=shelf)
