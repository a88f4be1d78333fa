import strawberry

from resolvers import person as resolve
from resolvers.rules import SIGNED_IN
from schema.backing import field, mutation
from schema.person import PersonUpdatePayload, Viewer


@strawberry.type
class Query:
    viewer: Viewer | None = field(resolve.viewer, "The signed-in person; null when nobody is.")


@strawberry.type
class Mutation:
    person_update: PersonUpdatePayload = mutation(
        resolve.update, "Change one's own name or language.", allow=SIGNED_IN
    )
