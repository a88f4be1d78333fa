"""Stripe's card payments as a process of our own, for development and tests.

Speaks the protocol the real SDK speaks: form bodies, keys, idempotency, error objects, signed
webhooks. Knowingly left out: everything but card payment intents, charges, refunds, disputes and
their events; and the customer's challenge always goes by redirect (Stripe.js could also show it
inline).
"""

from simulators.stripe.account import SimulatorSettings
from simulators.stripe.app import build

__all__ = ["SimulatorSettings", "build"]
