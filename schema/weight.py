from schema.backing import backed_by, column
from schema.problem import Problem
from services import weight

LEAST = "What so many units weigh at least."
MOST = "What so many units may weigh."


@backed_by(weight.TooLight, "It can't weigh so little: a digit is missing, or a piece.")
class TooLight(Problem):
    least_grams: int = column(LEAST)
    most_grams: int = column(MOST)


@backed_by(weight.TooHeavy, "It can't weigh so much, or more than what is held for it pays.")
class TooHeavy(Problem):
    least_grams: int = column(LEAST)
    most_grams: int = column(MOST)
