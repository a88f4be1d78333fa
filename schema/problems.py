"""Errors that several mutations return; the union of each mutation lists its possible errors."""

import strawberry

from schema.backing import backed_by, column
from services.core import problems


@strawberry.interface(name="Problem", description="A reason why a mutation did nothing.")
class ProblemType:
    path: list[str] = column("The way to the input that it speaks of.")
    message: str = column("A sentence for people.")


@backed_by(problems.NotFound, "There is no such thing, or it is not yours to see.")
class NotFoundType(ProblemType):
    pass


@backed_by(problems.InvalidInput, "A value that is never right.")
class InvalidInputType(ProblemType):
    pass


@backed_by(problems.IllegalStep, "A step that the present state does not allow.")
class IllegalStepType(ProblemType):
    state: str = column("The state it is in.")
    legal: list[str] = column("The steps that are legal from here, for you.")


@backed_by(problems.VersionConflict, "Somebody else changed it first: read it again.")
class VersionConflictType(ProblemType):
    current: int = column("The version that stands now.")


@backed_by(problems.RateLimited, "Asked too often.")
class RateLimitedType(ProblemType):
    retry_after_seconds: int = column("Seconds until it is worth asking again.")
