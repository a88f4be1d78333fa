from models.orders import CancelReason
from schema.backing import backed_by, column
from schema.fields import money_field
from schema.problems import ProblemType
from schema.scalars import MoneyType
from services.orders import cancellation_rules


@backed_by(cancellation_rules.CancellationTerms, "On which terms you may cancel an order now.")
class OrderCancellationType:
    reasons: list[CancelReason] = column("The reasons that you may give.")
    fee: MoneyType = money_field("fee_minor", "What it costs; the rest is released or sent back.")


@backed_by(cancellation_rules.CancelReasonNotAllowed, "You cannot give this reason now.")
class CancelReasonNotAllowedType(ProblemType):
    allowed_reasons: list[CancelReason] = column("The reasons that you can give.")


@backed_by(cancellation_rules.CancellationFeeChanged, "Canceling costs another amount now.")
class CancellationFeeChangedType(ProblemType):
    fee: MoneyType = money_field("fee_minor", "What it costs now.")
