"""What callers may spend: the one way to pay for everything that costs, at every entry point."""

from models.identity import ANONYMOUS, Actor
from models.message_text import duration_text
from resolvers.prices import FAILED_AUTHENTICATION, REFUSED_REQUEST, request_price
from server.rate_limit.callers import CallerBucketSizes
from services.core.rate_limiter import CostRejected, CostReservation, RateLimiter

THROTTLED = "THROTTLED"
COST_HEADER = "darkstore-cost"
"""Tells the units that an answer has cost which is no answer of the graph."""


class CallerBudgets:
    """The budgets of all callers; without `sizes` nothing is limited and everything is free."""

    def __init__(
        self, limiter: RateLimiter | None = None, sizes: CallerBucketSizes | None = None
    ) -> None:
        self.limiter = RateLimiter() if limiter is None else limiter
        """The buckets, which processes may share."""
        self.limited = sizes is not None
        """Whether anything is limited."""
        self._sizes = sizes

    def reserve(
        self, actor: Actor, address: str, cost: int
    ) -> CostReservation | CostRejected | None:
        """Take a cost before its work, to be settled after it; None where nothing is limited."""
        if self._sizes is None:
            return None
        return self.limiter.reserve(self._sizes.buckets_of(actor, address), cost)

    def rejection(self, actor: Actor, address: str, cost: int) -> CostRejected | None:
        """Return why a caller can't pay a cost now, and None if they can; takes nothing."""
        if self._sizes is None:
            return None
        return self.limiter.rejection(self._sizes.buckets_of(actor, address), cost)

    def settle(self, reserved: CostReservation | None, actual: int) -> None:
        """Give back what was reserved too much, or take what was reserved too little."""
        if reserved is not None:
            self.limiter.settle(reserved, actual)

    def take(self, actor: Actor, address: str, cost: int) -> None:
        """Take the cost of what was done already, whether the caller has so much or not."""
        if self._sizes is not None:
            self.limiter.take(self._sizes.buckets_of(actor, address), cost)

    def charge_refusal(self, address: str, size_bytes: int = 0) -> CostRejected | None:
        """Take the price of a request that is refused before anybody is known who could pay.

        `size_bytes` of it were parsed, or are to be parsed. Return why the client network can't pay
        it: then the request is throttled.
        """
        price = REFUSED_REQUEST + request_price(size_bytes)
        reserved = self.reserve(ANONYMOUS, address, price)
        return reserved if isinstance(reserved, CostRejected) else None

    def failure_rejection(self, address: str) -> CostRejected | None:
        """Return until when a client network has failed too often to be checked; takes nothing."""
        if self._sizes is None:
            return None
        buckets = self._sizes.failure_buckets_of(address)
        return self.limiter.rejection(buckets, FAILED_AUTHENTICATION)

    def ended_rejection(self, credential: str) -> CostRejected | None:
        """Return until when a credential of ours that has ended is not checked; takes nothing."""
        if self._sizes is None:
            return None
        buckets = self._sizes.ended_buckets_of(credential)
        return self.limiter.rejection(buckets, FAILED_AUTHENTICATION)

    def charge_failure(self, address: str, *, ended: str = "") -> None:
        """Take the price of a token, key or signature that was not valid.

        Into debt, too: many checks at once ask `failure_rejection` before the first has failed.
        `ended` is the credential if it was one of ours: the network's budget does not refuse those,
        so each has a small one of its own.
        """
        if self._sizes is not None:
            buckets = self._sizes.failure_buckets_of(address)
            if ended:
                buckets += self._sizes.ended_buckets_of(ended)
            self.limiter.take(buckets, FAILED_AUTHENTICATION)


def throttled_message(rejected: CostRejected) -> str:
    """Tell a caller that nothing is left, and when it will be."""
    wait = rejected.retry_after_seconds
    return f"You have used up your budget for the moment: try again in {duration_text(wait)}."
