"""Resolvers: arguments in, rows or the outcome of a mutation out.

Strawberry wraps an enum when an annotation first names it, so the enums are registered before any
module of this package can do so.
"""

import models  # noqa: F401 - declares every enum
from resolvers import enums

enums.register_all()
