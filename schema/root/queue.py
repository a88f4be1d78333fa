"""Root field of those who run the platform."""

import strawberry

from resolvers import queue as resolve
from resolvers.rules import PLATFORM
from schema.backing import field
from schema.queue import Operations


@strawberry.type
class Query:
    operations: Operations = field(
        resolve.operations, "How the process that answers you is doing.", allow=PLATFORM
    )
