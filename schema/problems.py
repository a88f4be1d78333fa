"""The errors that mutations answer. Each mutation's union names those that it can meet."""

import strawberry

from schema.backing import backed_by, column
from services.core import problems


@strawberry.interface(description="A reason why a mutation did nothing.")
class Problem:
    path: list[str] = column("The way to the input that it speaks of.")
    message: str = column("A sentence for people.")


@backed_by(problems.NotFound, "There is no such thing, or it is not yours to see.")
class NotFound(Problem):
    pass


@backed_by(problems.InvalidInput, "A value that is never right.")
class InvalidInput(Problem):
    pass


@backed_by(problems.IllegalStep, "A step that the present state does not allow.")
class IllegalStep(Problem):
    state: str = column("The state it is in.")
    legal: list[str] = column("The steps that are legal from here, for you.")


@backed_by(problems.VersionConflict, "Somebody else changed it first: read it again.")
class VersionConflict(Problem):
    current: int = column("The version that stands now.")


@backed_by(problems.RateLimited, "Asked too often.")
class RateLimited(Problem):
    retry_after_seconds: int = column("Seconds until it is worth asking again.")
