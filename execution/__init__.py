"""Executes GraphQL operations: limits first, then a plan compiled once and run level by level.

`engine` is the entry point. `document` parses a text, checks its limits (`limits`, `cost`) and
validates it with graphql-core; the result is a `PreparedOperation`. `planning` compiles that into
an `ExecutionPlan`: `collect` merges the selected fields, `compiler` makes a `Selection` for each
object type, a step for each field that is not a plain attribute, and a completer for each type.
`running` executes a plan: `steps` resolve fields, `completers` and `object_completers` turn values
into response data, and a `PlanRun` waits level by level (`concurrency`, `batch_read`), finds the
paths of errors and propagates nulls. What a plan does not support, `graphql_core` executes.
Imports go from `engine` to `planning` to `running` to `document`.

Four differences from graphql-core are intended. Errors are in the order in which levels finish.
Below a value that was set to null, another of its errors may be the one reported. `info.path` has
no list indexes, since an info is created once per field and not once per parent. A coroutine
that returns another coroutine is awaited again.
"""

from execution.document.limits import Limits
from execution.document.prepared_operation import PreparedOperation
from execution.document.referenced_fields import ReferencedFields, referenced_fields
from execution.engine import Engine
from execution.runtime.answer import Answer

__all__ = [
    "Answer",
    "Engine",
    "Limits",
    "PreparedOperation",
    "ReferencedFields",
    "referenced_fields",
]
