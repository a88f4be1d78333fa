from datetime import datetime

from models.orders import AgeCheck, AgeCheckDocument, AgeCheckResult
from schema.backing import backed_by, column


@backed_by(AgeCheck, "A check of the customer's age at the handover.")
class AgeCheckType:
    minimum_age: int = column("The minimum age that was checked.")
    document: AgeCheckDocument = column(
        "The kind of document that was shown; its number is not stored."
    )
    from_birth_date: bool = column(
        "Whether the age was computed from a date of birth, which is not stored."
    )
    result: AgeCheckResult = column("Whether the customer is old enough.")
    checked_at: datetime = column("When.")
