"""What each caller may spend: an operation's cost is reserved before it runs, settled after it.

`services.core.rate_limiter` decides, alone and in memory. `redis_sync` reports to Redis what was
spent, many buckets in one round trip, and learns what other processes let the same callers spend.
`callers` says from whose buckets an operation is paid.
"""
