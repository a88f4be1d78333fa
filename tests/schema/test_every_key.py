"""Every mutation honors the client's idempotency key, except those that may be repeated freely."""

import inspect
from collections.abc import Callable
from types import CodeType
from typing import Any

import pytest

from schema.root import graph
from services.operations.retention_rules import IDEMPOTENCY_HOURS, RULES

# These may be repeated without a key: one applies the provider's current state, the others report
# positions, of which only the newest counts.
WITHOUT_KEY = {"orderPaymentRefresh", "riderLocationReport", "riderLocationsReport"}
KEY_FUNCTIONS = {"run_mutation", "idempotent_request"}
DEPTH = 4

MUTATIONS = graph._schema.mutation_type.fields if graph._schema.mutation_type else {}


@pytest.mark.parametrize("name", sorted(MUTATIONS))
def test_a_mutation_honors_the_idempotency_key(name: str) -> None:
    definition = MUTATIONS[name].extensions["strawberry-definition"]
    resolver = inspect.unwrap(definition.base_resolver.wrapped_func)
    assert _honors_key(resolver, DEPTH) is (name not in WITHOUT_KEY)


def _honors_key(function: Callable[..., Any], depth: int) -> bool:
    """Return whether the function, or a function of the resolvers that it calls, uses the key."""
    names = _names(function.__code__)
    if names & KEY_FUNCTIONS:
        return True
    globals_used = (function.__globals__.get(name) for name in names)
    called = [each for each in globals_used if inspect.isfunction(each) and _is_resolver(each)]
    return depth > 0 and any(_honors_key(each, depth - 1) for each in called)


def _is_resolver(function: Callable[..., Any]) -> bool:
    return function.__module__.startswith("resolvers.")


def _names(code: CodeType) -> set[str]:
    inner = [const for const in code.co_consts if isinstance(const, CodeType)]
    return set(code.co_names).union(*map(_names, inner))


def test_idempotency_keys_are_kept_as_long_as_the_graph_promises() -> None:
    """A thousand times longer, or shorter, no test noticed: clients repeat for what is promised."""
    directives = graph.as_str()
    assert f"Keys are remembered for {IDEMPOTENCY_HOURS} hours." in directives
    [rule] = [one for one in RULES if one.table == "idempotency_key"]
    assert rule.days == IDEMPOTENCY_HOURS / 24
