from schema.backing import backed_by, column
from schema.problems import ProblemType
from services.catalog import weights

MIN_GRAMS = "What so many units weigh at least."
MAX_GRAMS = "What so many units may weigh."


@backed_by(weights.TooLight, "It can't weigh so little: a digit is missing, or a piece.")
class TooLightType(ProblemType):
    least_grams: int = column(MIN_GRAMS)
    most_grams: int = column(MAX_GRAMS)


@backed_by(weights.TooHeavy, "It can't weigh so much, or more than what is held for it pays.")
class TooHeavyType(ProblemType):
    least_grams: int = column(MIN_GRAMS)
    most_grams: int = column(MAX_GRAMS)
