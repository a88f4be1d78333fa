"""Executes GraphQL documents: limits first, then a plan compiled once and run level by level.

In reading order: `engine` is the front door. `documents` reads a text (`limits` its shape, `cost`
its price, graphql-core its validity) into a `prepared` operation. `plan` compiles that: `collect`
merges what is selected, a `selection` fills in one object type, `steps` get the values of its
fields, `complete` and `objects` turn values into the answer, `arguments` converts what is passed
in. A `run` is one execution of a plan: it waits in waves (`waiting`, `batch`) and gives errors
their paths and nulls. What a plan does not do is left to graphql-core, in `reference`.

Four things differ from graphql-core on purpose. Errors come in the order in which levels finish.
Below a place that was nulled, another of its errors may be the one reported. `info.path` has
no positions in lists, since an info is made once per field and not once per parent. A coroutine
that answers another one is awaited on.
"""

from execution.document.limits import Limits
from execution.document.prepared import Prepared
from execution.document.referenced_fields import Reach, reach_of
from execution.engine import Engine
from execution.running.answer import Answer

__all__ = ["Answer", "Engine", "Limits", "Prepared", "Reach", "reach_of"]
