"""What the frames of a socket cost: its caller pays, or the client network before there is one."""

from collections.abc import Sequence
from typing import Any

from execution import Engine
from resolvers.prices import FREE_REQUEST_BYTES
from server.transport.authentication import AuthenticatedCaller, CallerAuthenticator
from server.transport.limits import FREE_SIGNAL_SECONDS, FREE_SIGNALS
from server.transport.websocket.frames import TRY_AGAIN, CloseSocket


class FramePayment:
    """Lets the sender pay for what is no operation; raises CloseSocket (1013) without budget.

    Some signals are free, so that an honest client whose budget is empty keeps its socket by pings.
    """

    __slots__ = ("_authenticator", "_client", "_engine", "_free_until", "caller")

    def __init__(self, engine: Engine, authenticator: CallerAuthenticator, client: str) -> None:
        self._engine = engine
        self._authenticator = authenticator
        self._client = client
        self._free_until = 0.0
        self.caller: AuthenticatedCaller | None = None

    def charge_size(self, size_bytes: int) -> None:
        """Take the price of a large frame before it is parsed, whatever it turns out to be."""
        if size_bytes <= FREE_REQUEST_BYTES:
            return
        if self.caller is None:
            self._charge_network(size_bytes)
        else:
            refusal = self._engine.admit_size(size_bytes, self.caller.context)
            _require_paid(refusal.errors if refusal else None)

    def charge_signal(self, size_bytes: int, now: float) -> None:
        """Take the price of a frame without an operation, unless it is a free one of its time."""
        free_until = max(self._free_until, now) + FREE_SIGNAL_SECONDS
        if free_until <= now + FREE_SIGNALS * FREE_SIGNAL_SECONDS:
            self._free_until = free_until
        elif self.caller is None:
            self._charge_network(0)
        else:
            refusal = self._engine.admit_signal(size_bytes, self.caller.context)
            _require_paid(refusal.errors if refusal else None)

    def _charge_network(self, size_bytes: int) -> None:
        failure = self._authenticator.charge_refusal(self._client, size_bytes)
        _require_paid(failure.errors() if failure else None)


def _require_paid(errors: Sequence[Any] | None) -> None:
    if errors:
        raise CloseSocket(TRY_AGAIN, str(errors[0]["message"]))
