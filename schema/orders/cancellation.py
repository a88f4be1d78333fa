from models.orders import OrderCancelReason
from schema.backing import backed_by, column
from schema.fields import money_field
from schema.problems import ProblemType
from schema.scalars import MoneyType
from services.orders import cancellation_rules


@backed_by(
    cancellation_rules.CancellationTerms, "Terms on which the caller can cancel an order now."
)
class OrderCancellationType:
    reasons: list[OrderCancelReason] = column("The reasons that the caller can give.")
    fee: MoneyType = money_field(
        "fee_minor", "The fee; the rest of the payment is released or refunded."
    )


@backed_by(cancellation_rules.CancelReasonNotAllowed, "The caller cannot give this reason now.")
class CancelReasonNotAllowedType(ProblemType):
    allowed_reasons: list[OrderCancelReason] = column("The reasons that the caller can give.")


@backed_by(cancellation_rules.CancellationFeeChanged, "The cancellation fee has changed.")
class CancellationFeeChangedType(ProblemType):
    fee: MoneyType = money_field("fee_minor", "The current fee.")
