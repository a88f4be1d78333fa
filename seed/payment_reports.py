"""What a payment provider would report about a payment, without asking one."""

from gateways.payments import IntentState, PaymentIntent
from models.payments import Payment


def payment_report(
    payment: Payment, state: IntentState, *, final_total_minor: int = 0
) -> PaymentIntent:
    """The provider's report of a state: authorized in full, captured as charged, or neither."""
    return PaymentIntent(
        id=f"pi_{payment.id.hex}",
        state=state,
        amount_minor=payment.amount_minor,
        capturable_minor=payment.amount_minor if state is IntentState.AUTHORIZED else 0,
        captured_amount_minor=final_total_minor if state is IntentState.CAPTURED else 0,
        currency=payment.currency,
        payment_id=payment.id,
    )
