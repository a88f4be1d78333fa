"""Errors that several mutations return; the union of each mutation lists its possible errors."""

import strawberry

from schema.backing import backed_by, column
from services.core import problems


@strawberry.interface(
    name="Problem", description="A problem: a reason why a mutation was rejected."
)
class ProblemType:
    path: list[str] = column("Path of the input field that the problem is about.")
    message: str = column("Message for people.")


@backed_by(problems.NotFound, "It does not exist, or the caller may not see it.")
class NotFoundType(ProblemType):
    pass


@backed_by(problems.InvalidInput, "A value is invalid.")
class InvalidInputType(ProblemType):
    pass


@backed_by(problems.InvalidTransition, "The action is not possible in the present state.")
class InvalidTransitionType(ProblemType):
    current_status: str = column("The present state.")
    allowed_actions: list[str] = column("The actions that the caller can take in this state.")


@backed_by(problems.VersionConflict, "It has changed in the meantime: read it again.")
class VersionConflictType(ProblemType):
    current_version: int = column("The current version.")


@backed_by(problems.RateLimited, "Too many requests.")
class RateLimitedType(ProblemType):
    retry_after_seconds: int = column("Seconds after which to try again.")
