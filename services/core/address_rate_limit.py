"""How often one network address may do a thing that anybody may do."""

import time
from collections import OrderedDict
from functools import lru_cache
from ipaddress import ip_address

from services.core.problems import RateLimited, Refused

WINDOW_SECONDS = 3600
ADDRESSES_COUNT = 50_000


class Pace:
    """Counts steps an hour for each address, in this process, for the addresses last seen."""

    def __init__(self, what: str, steps_count: int) -> None:
        self._what = what
        self._most = steps_count
        self._seen: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def step(self, address: str) -> None:
        """Count one; raises Refused with RateLimited when the hour's steps are used up."""
        if not counted(address):
            return
        now = time.monotonic()
        began, steps = self._seen.pop(address, (now, 0))
        if now - began >= WINDOW_SECONDS:
            began, steps = now, 0
        self._seen[address] = (began, min(steps + 1, self._most + 1))
        if len(self._seen) > ADDRESSES_COUNT:
            self._seen.popitem(last=False)
        if steps >= self._most:
            wait = int(WINDOW_SECONDS - (now - began)) + 1
            message = f"Too many {self._what} from your address. Try again in {wait} seconds."
            raise Refused(RateLimited(path=["input"], message=message, retry_after_seconds=wait))


@lru_cache(ADDRESSES_COUNT)
def counted(address: str) -> bool:
    """Strangers are counted; a proxy or simulation on this machine speaks for many people."""
    try:
        return not ip_address(address).is_loopback
    except ValueError:
        return False
