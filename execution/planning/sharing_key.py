"""The key by which subscribers share answers: equal keys, equal answers to the same event."""

from collections.abc import Hashable, Mapping
from typing import Any

import orjson

from execution.planning.context_dependencies import CALLER
from execution.planning.plan import ExecutionPlan


def sharing_key(plan: ExecutionPlan, variables: Mapping[str, Any], context: Any) -> Hashable | None:
    """Equal for contexts that get equal answers to an equal event; None if that is unknown.

    It consists of the plan, the variables used, and the parts of the context the plan depends on.
    """
    sharing_values = getattr(context, "sharing_values", None)
    if sharing_values is None:
        return None
    names = variables if CALLER in plan.context_dependencies else plan.variables_below_root
    used = {name: variables[name] for name in names if name in variables}
    try:
        # Decoded, because the bytes objects of orjson keep kilobytes of unused capacity.
        variables_json = orjson.dumps(used, option=orjson.OPT_SORT_KEYS).decode()
    except TypeError:
        return None
    return plan, variables_json, sharing_values(plan.context_dependencies)
