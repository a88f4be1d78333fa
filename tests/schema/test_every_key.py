"""No mutation forgets the client's idempotency key."""

import inspect
from collections.abc import Callable
from types import CodeType
from typing import Any

import pytest

from schema.root import graph

# Both may be repeated at will: one takes over what the payment provider says by then, the other
# is the newest of many positions, of which only the newest counts.
WITHOUT_KEY = {"paymentRefresh", "riderLocationReport", "riderLocationReportBatch"}
HONORING = {"attempt", "promised"}
DEPTH = 4

MUTATIONS = graph._schema.mutation_type.fields if graph._schema.mutation_type else {}


@pytest.mark.parametrize("name", sorted(MUTATIONS))
def test_a_mutation_asks_for_its_promise(name: str) -> None:
    known = MUTATIONS[name].extensions["strawberry-definition"]
    resolver = inspect.unwrap(known.base_resolver.wrapped_func)
    assert _honors(resolver, DEPTH) is (name not in WITHOUT_KEY)


def _honors(function: Callable[..., Any], depth: int) -> bool:
    """Whether the function, or one of the resolvers' that it calls, runs as a promised attempt."""
    names = _names(function.__code__)
    if names & HONORING:
        return True
    called = (function.__globals__.get(name) for name in names)
    ours = [one for one in called if inspect.isfunction(one) and _is_ours(one)]
    return depth > 0 and any(_honors(one, depth - 1) for one in ours)


def _is_ours(function: Callable[..., Any]) -> bool:
    return function.__module__.startswith("resolvers.")


def _names(code: CodeType) -> set[str]:
    inner = [one for one in code.co_consts if isinstance(one, CodeType)]
    return set(code.co_names).union(*map(_names, inner))
