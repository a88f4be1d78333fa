"""The simulated Stripe account: settings, objects, events and the queue of webhooks."""

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from urllib.parse import urlsplit

from simulators.stripe.faults import Faults
from simulators.stripe.state import State
from simulators.stripe.wire import API_VERSION, ApiError, Body, new_id

LOOPBACK = {"127.0.0.1", "localhost", "::1"}
HOLD_SECONDS = 7 * 24 * 3600
WAITING_DELIVERIES_LIMIT = 10_000
EVENT_PATTERNS = (
    "payment_intent.*",
    "charge.expired",
    "charge.refunded",
    "charge.dispute.*",
    "refund.*",
)


@dataclass(frozen=True)
class SimulatorSettings:
    """The settings with which the simulator starts."""

    secret_key: str = "sk_test_darkstore"  # noqa: S105 - opens nothing but this simulator
    webhook_secret: str = "whsec_darkstore"  # noqa: S105 - as above
    webhook_url: str | None = None
    state_path: str = ":memory:"
    hold_seconds: int = HOLD_SECONDS
    event_patterns: tuple[str, ...] = EVENT_PATTERNS

    def __post_init__(self) -> None:
        if not self.secret_key.startswith("sk_test_"):
            raise ValueError("The simulator takes keys that begin with sk_test_ only.")
        check_webhook_url(self.webhook_url)

    @property
    def publishable_key(self) -> str:
        """The key that clients (Stripe.js) use: pk_test_ with the same ending."""
        return "pk_" + self.secret_key.removeprefix("sk_")


def check_webhook_url(url: str | None) -> None:
    """Raise ValueError unless the URL is http:// on a loopback address."""
    if url is not None:
        parts = urlsplit(url)
        readable = url.isascii() and url.isprintable() and " " not in url
        if not readable or parts.scheme != "http" or parts.hostname not in LOOPBACK:
            raise ValueError("The webhook URL has to be http:// on this machine's loopback.")
        if parts.port == 0:
            raise ValueError("The webhook URL has no port to go to.")


@dataclass
class StripeAccount:
    """The account that this simulator serves: objects, events and the target of webhooks."""

    settings: SimulatorSettings
    state: State
    faults: Faults = field(default_factory=Faults)
    webhook_url: str | None = None
    in_flight: set[str] = field(default_factory=set)
    wake_deliveries: Callable[[], None] = lambda: None

    def get(self, kind: str, key: str, param: str = "id") -> Body:
        """Return an object; raises ApiError resource_missing."""
        found = self.state.find(kind, key)
        if found is None:
            raise ApiError(
                404, f"No such {kind}: '{key[:100]}'", code="resource_missing", param=param
            )
        return found

    def emit(self, kind: str, thing: Body, call: "ApiCall | None" = None) -> None:
        """Write an event and queue its delivery, inside the caller's transaction."""
        event: Body = {
            "id": new_id("evt"),
            "object": "event",
            "api_version": API_VERSION,
            "created": self.state.now(),
            "data": {"object": thing},
            "livemode": False,
            "pending_webhooks": 1 if self.webhook_url else 0,
            "request": {
                "id": call.request_id if call else None,
                "idempotency_key": call.idempotency_key if call else None,
            },
            "type": kind,
        }
        self.state.add(event, parent=kind)
        if self.webhook_url and self._is_subscribed(kind):
            self._queue(event["id"])

    def challenge(self, intent: Body) -> str:
        """Return the token that the 3-D Secure page of this intent requires."""
        words = f"{intent['client_secret']}:{intent['payment_method']}"
        key = self.settings.webhook_secret.encode()
        return hmac.new(key, words.encode(), hashlib.sha256).hexdigest()[:40]

    def _is_subscribed(self, kind: str) -> bool:
        return any(fnmatchcase(kind, pattern) for pattern in self.settings.event_patterns)

    def _queue(self, event_id: str) -> None:
        waiting = self.state.count("SELECT count(*) FROM delivery WHERE due_at IS NOT NULL")
        if waiting >= WAITING_DELIVERIES_LIMIT:
            return  # GET /v1/events still lists it, as after a long outage at Stripe
        for _ in range(2 if self.faults.duplicate else 1):
            self.state.db.execute(
                "INSERT INTO delivery (event, due_at, attempts, drops, outcome)"
                " VALUES (?, ?, 0, ?, 'waiting')",
                (event_id, self.faults.due_at(self.state.began_at), int(self.faults.drop_first)),
            )
        self.wake_deliveries()


@dataclass
class ApiCall:
    """The arguments of an endpoint: one API request."""

    account: StripeAccount
    params: Body
    path_id: str
    public: bool
    origin: str
    request_id: str
    idempotency_key: str | None
    api_version: str
