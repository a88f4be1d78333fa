"""Shares in Redis what callers spent, in the background, so that all processes limit together.

A process decides by its own buckets, and reports what it let through every SYNC_SECONDS, all
buckets in one round trip. So no request waits for Redis, and none is refused because Redis is
away. The price is an error: a caller who asks P processes at one moment gets at most P full buckets
once, since each process learns of the others later. The debt is kept, so in the long run nobody
gets more than the refill. While Redis is away each process decides alone.
"""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress

from redis.asyncio import Redis
from redis.exceptions import RedisError

from services.core.rate_limiter import CallerBucket, RateLimiter

log = logging.getLogger("darkstore.allowance")

SYNC_SECONDS = 0.1
TIMEOUT_SECONDS = 1.0
RETRY_SECONDS = 2.0
MAX_BUCKETS_PER_TRIP = 500
KEY_PREFIX = "darkstore:allowance:"

# For each bucket: its capacity, its refill per second, what was spent, and the highest level that
# may be left. A bucket that is full again expires.
SETTLE = """
local clock = redis.call('TIME')
local now = tonumber(clock[1]) + tonumber(clock[2]) / 1000000
local levels = {}
for i, key in ipairs(KEYS) do
  local capacity = tonumber(ARGV[4 * i - 3])
  local refill = tonumber(ARGV[4 * i - 2])
  local stored = redis.call('HMGET', key, 'level', 'at')
  local level = capacity
  if stored[1] and stored[2] then
    local seconds = math.max(0, now - tonumber(stored[2]))
    level = math.min(capacity, tonumber(stored[1]) + seconds * refill)
  end
  level = math.min(level - tonumber(ARGV[4 * i - 1]), tonumber(ARGV[4 * i]))
  level = math.max(-capacity, math.min(capacity, level))
  redis.call('HSET', key, 'level', string.format('%.3f', level), 'at', string.format('%.6f', now))
  redis.call('PEXPIRE', key, math.ceil((capacity - level) / refill * 1000) + 1000)
  levels[i] = string.format('%.3f', level)
end
return levels
"""


class RedisBucketSync:
    """Reports the spending of this process's buckets, and applies what all processes spent."""

    def __init__(self, limiters: Sequence[RateLimiter], redis_url: str) -> None:
        self._limiters = limiters
        self._redis = Redis.from_url(
            redis_url, socket_timeout=TIMEOUT_SECONDS, socket_connect_timeout=TIMEOUT_SECONDS
        )
        self._settle = self._redis.register_script(SETTLE)
        self._task: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()
        self._redis_away = False

    def start(self) -> None:
        """Synchronize in the background until `close`."""
        self._set_reporting(enabled=True)
        self._closing.clear()
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def close(self) -> None:
        """Report the rest if Redis answers, and disconnect."""
        self._set_reporting(enabled=False)
        # A cancellation that meets a timeout inside the Redis client is lost: the task would go on.
        self._closing.set()
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)
        await self.sync()
        with suppress(RedisError, OSError):
            await self._redis.aclose()

    async def sync(self) -> bool:
        """Report everything that is not reported yet; False when Redis does not answer."""
        for limiter in self._limiters:
            while buckets := limiter.take_unreported(MAX_BUCKETS_PER_TRIP):
                if not await self._report(limiter, buckets):
                    return False
        return True

    def _set_reporting(self, *, enabled: bool) -> None:
        for limiter in self._limiters:
            limiter.set_reporting(enabled)

    async def _run(self) -> None:
        while not self._closing.is_set():
            pause = SYNC_SECONDS if await self.sync() else RETRY_SECONDS
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._closing.wait()

    async def _report(self, limiter: RateLimiter, buckets: Sequence[CallerBucket]) -> bool:
        now = limiter.now()
        arguments = [argument for bucket in buckets for argument in _arguments(bucket, now)]
        keys = [KEY_PREFIX + bucket.name for bucket in buckets]
        try:
            levels = await self._settle(keys=keys, args=arguments)
        except (RedisError, OSError, TimeoutError) as error:
            limiter.mark_unsynced(buckets)
            self._log_change(redis_away=True, reason=str(error))
            return False
        now = limiter.now()
        for bucket, level in zip(buckets, levels, strict=True):
            bucket.sync(float(level), now)
        self._log_change(redis_away=False)
        return True

    def _log_change(self, *, redis_away: bool, reason: str = "") -> None:
        if redis_away == self._redis_away:
            return
        self._redis_away = redis_away
        if redis_away:
            log.warning("rate limits are kept by this process alone: %s", reason)
        else:
            log.warning("rate limits are shared with the other processes again")


def _arguments(bucket: CallerBucket, now: float) -> tuple[float, float, int, int]:
    size, spent, bucket.unreported = bucket.size, bucket.unreported, 0
    highest = int(bucket.level(now)) if bucket.unsynced else size.capacity
    return size.capacity, size.refill_per_second, spent, highest
