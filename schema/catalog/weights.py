from schema.backing import backed_by, column
from schema.problems import ProblemType
from services.catalog import weights

LEAST = "What so many units weigh at least."
MOST = "What so many units may weigh."


@backed_by(weights.TooLight, "It can't weigh so little: a digit is missing, or a piece.")
class TooLightType(ProblemType):
    least_grams: int = column(LEAST)
    most_grams: int = column(MOST)


@backed_by(weights.TooHeavy, "It can't weigh so much, or more than what is held for it pays.")
class TooHeavyType(ProblemType):
    least_grams: int = column(LEAST)
    most_grams: int = column(MOST)
