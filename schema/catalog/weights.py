from schema.backing import backed_by, column
from schema.problems import ProblemType
from services.catalog import weights

MIN_GRAMS = "Minimum weight of this number of units."
MAX_GRAMS = "Maximum weight of this number of units."


@backed_by(weights.TooLight, "The weight is implausibly low: a digit or a piece may be missing.")
class TooLightType(ProblemType):
    min_grams: int = column(MIN_GRAMS)
    max_grams: int = column(MAX_GRAMS)


@backed_by(weights.TooHeavy, "The weight is implausibly high, or exceeds the authorized amount.")
class TooHeavyType(ProblemType):
    min_grams: int = column(MIN_GRAMS)
    max_grams: int = column(MAX_GRAMS)
