"""Documents that clients have sent with their hash, shared by all processes in Redis for a day."""

import logging
from collections import OrderedDict
from contextlib import suppress

from redis.asyncio import Redis
from redis.exceptions import RedisError

log = logging.getLogger("darkstore.library")

EXPIRES_SECONDS = 24 * 3600
MAX_DOCUMENTS = 2_000
MAX_DOCUMENT_CHARS = 8_192
CACHED_DOCUMENTS_COUNT = 500
TIMEOUT_SECONDS = 0.25
KEY_PREFIX = "darkstore:document:"
INDEX_KEY = "darkstore:documents"

# When there are too many, the oldest documents are deleted.
STORE = """
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


class PersistedQueryStore:
    """Stores documents in Redis; caches those used last in this process."""

    def __init__(self, redis_url: str, max_documents: int = MAX_DOCUMENTS) -> None:
        self._redis = Redis.from_url(
            redis_url,
            socket_timeout=TIMEOUT_SECONDS,
            socket_connect_timeout=TIMEOUT_SECONDS,
            decode_responses=True,
        )
        self._store = self._redis.register_script(STORE)
        self._max_documents = max_documents
        self._cache: OrderedDict[str, str] = OrderedDict()

    async def find(self, document_id: str) -> str | None:
        """The document; None if it is unknown or Redis is away: clients then send it again."""
        if document_id in self._cache:
            self._cache.move_to_end(document_id)
            return self._cache[document_id]
        try:
            text = await self._redis.get(KEY_PREFIX + document_id)
        except (RedisError, OSError, TimeoutError) as error:
            log.warning("a document could not be looked up: %s", error)
            return None
        if not isinstance(text, str):
            return None
        self._remember(document_id, text)
        return text

    async def put(self, document_id: str, text: str) -> None:
        """Store a document, unless it is too long or Redis is away."""
        if len(text) > MAX_DOCUMENT_CHARS or document_id in self._cache:
            return
        try:
            await self._store(
                keys=[KEY_PREFIX + document_id, INDEX_KEY],
                args=[document_id, text, self._max_documents, EXPIRES_SECONDS, KEY_PREFIX],
            )
        except (RedisError, OSError, TimeoutError) as error:
            log.warning("a document could not be stored: %s", error)
            return
        self._remember(document_id, text)

    async def aclose(self) -> None:
        """Disconnect from Redis."""
        with suppress(RedisError, OSError):
            await self._redis.aclose()

    def _remember(self, document_id: str, text: str) -> None:
        self._cache[document_id] = text
        if len(self._cache) > CACHED_DOCUMENTS_COUNT:
            self._cache.popitem(last=False)
