"""How often and how fast requests to the payment provider are repeated."""

from database.audit import AuditContext

ORIGIN = AuditContext("settlement")
MAX_ATTEMPTS = 24
MAX_BACKOFF_SECONDS = 900.0


def retry_delay_seconds(attempts: int) -> float:
    """The delay before the next attempt: 1 s, doubled each time, at most MAX_BACKOFF_SECONDS."""
    return float(min(MAX_BACKOFF_SECONDS, 2.0 ** min(attempts - 1, 30)))
