"""Wrong declarations fail when the schema is built, not at request time."""

from collections.abc import AsyncIterator

import pytest

from resolvers.rules import SIGNED_IN
from schema import backing


async def answer() -> int:
    return 1


async def events() -> AsyncIterator[int]:
    yield 1


def test_a_rule_on_a_resolver_without_info_is_a_type_error() -> None:
    with pytest.raises(TypeError, match=r"test_backing\.answer .* `info`"):
        backing.field(answer, "Nothing.", allow=SIGNED_IN)
    with pytest.raises(TypeError, match="answer"):
        backing.mutation(answer, "Nothing.", allow=SIGNED_IN)
    with pytest.raises(TypeError, match="events"):
        backing.stream(events, "Nothing.", allow=SIGNED_IN)
