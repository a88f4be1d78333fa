"""What all processes together let a caller spend, kept in Redis and told in the background.

A process decides by its own buckets and tells what it let through every TICK_SECONDS, all buckets
of a tick in one trip. So no request waits for Redis, and none is refused because it is away. The
price is an error: each process lets through what it has until it hears of the others, that is, a
caller who asks P processes at one moment gets at most P full buckets once; the debt is written
down, so in the long run nobody gets more than flows back. While Redis is away each process goes on
alone.
"""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress

from redis.asyncio import Redis
from redis.exceptions import RedisError

from server.rate_limit.bucket import Bucket
from server.rate_limit.rate_limits import Allowances

log = logging.getLogger("darkstore.allowance")

TICK_SECONDS = 0.1
TRIP_SECONDS = 1.0
AWAY_SECONDS = 2.0
BUCKETS_A_TRIP = 500
PREFIX = "darkstore:allowance:"

# For each bucket: what it holds, its flow, what was spent, and the most that may be left.
# A bucket that has filled up again is forgotten.
SETTLE = """
local clock = redis.call('TIME')
local now = tonumber(clock[1]) + tonumber(clock[2]) / 1000000
local levels = {}
for i, key in ipairs(KEYS) do
  local maximum = tonumber(ARGV[4 * i - 3])
  local flow = tonumber(ARGV[4 * i - 2])
  local kept = redis.call('HMGET', key, 'level', 'at')
  local level = maximum
  if kept[1] and kept[2] then
    level = math.min(maximum, tonumber(kept[1]) + math.max(0, now - tonumber(kept[2])) * flow)
  end
  level = math.min(level - tonumber(ARGV[4 * i - 1]), tonumber(ARGV[4 * i]))
  level = math.max(-maximum, math.min(maximum, level))
  redis.call('HSET', key, 'level', string.format('%.3f', level), 'at', string.format('%.6f', now))
  redis.call('PEXPIRE', key, math.ceil((maximum - level) / flow * 1000) + 1000)
  levels[i] = string.format('%.3f', level)
end
return levels
"""


class Ledger:
    """Tells Redis what the buckets of this process let through, and tells them what it knows."""

    def __init__(self, allowances: Allowances, redis_url: str) -> None:
        self._allowances = allowances
        self._redis = Redis.from_url(
            redis_url, socket_timeout=TRIP_SECONDS, socket_connect_timeout=TRIP_SECONDS
        )
        self._settle = self._redis.register_script(SETTLE)
        self._work: asyncio.Task[None] | None = None
        self._away = False

    def start(self) -> None:
        """Begin to tell, until `close`."""
        self._allowances.told = True
        self._work = asyncio.get_running_loop().create_task(self._keep_telling())

    async def close(self) -> None:
        """Tell the rest if Redis listens, and let go of it."""
        self._allowances.told = False
        if self._work is not None:
            self._work.cancel()
            await asyncio.gather(self._work, return_exceptions=True)
        await self.tell()
        with suppress(RedisError, OSError):
            await self._redis.aclose()

    async def tell(self) -> bool:
        """Tell everything that is untold now; False when Redis could not be told."""
        while spent := self._allowances.spent(BUCKETS_A_TRIP):
            if not await self._trip(spent):
                return False
        return True

    async def _keep_telling(self) -> None:
        while True:
            heard = await self.tell()
            await asyncio.sleep(TICK_SECONDS if heard else AWAY_SECONDS)

    async def _trip(self, buckets: Sequence[Bucket]) -> bool:
        arguments = [part for bucket in buckets for part in self._told_of(bucket)]
        keys = [PREFIX + bucket.name for bucket in buckets]
        try:
            levels = await self._settle(keys=keys, args=arguments)
        except (RedisError, OSError, TimeoutError) as error:
            self._allowances.missed(buckets)
            self._say(away=True, why=str(error))
            return False
        now = self._allowances.now()
        for bucket, level in zip(buckets, levels, strict=True):
            bucket.hear(float(level), now)
        self._say(away=False)
        return True

    def _told_of(self, bucket: Bucket) -> tuple[int, int, int, int]:
        size, spent, bucket.untold = bucket.size, bucket.untold, 0
        known = int(bucket.level(self._allowances.now())) if bucket.unsure else size.maximum
        return size.maximum, size.per_second, spent, known

    def _say(self, *, away: bool, why: str = "") -> None:
        if away != self._away:
            self._away = away
            log.warning("allowances are kept %s", f"alone: {why}" if away else "together again")
