"""People change what they are called and read, and nobody else's."""

from typing import Any

import pytest

from models.accounts import Person
from models.identity import Grant, Role
from models.ids import encode
from resolvers.context import House
from tests.support.actors import Standing, stand

UPDATE = """mutation ($input: PersonUpdateInput!) { personUpdate(input: $input) {
  person { id name language } errors { __typename ... on Problem { path } } } }"""
VIEWER = "{ viewer { name language } }"


async def update(who: Standing, **given: Any) -> Any:
    return (await who.run(UPDATE, {"input": given}))["personUpdate"]


@pytest.mark.parametrize("role", list(Role))
async def test_everybody_changes_their_own_name_and_language(role: Role, house: House) -> None:
    who, other = [await stand(house, "Somebody", Grant(role)) for _ in range(2)]
    done = await update(who, name="Ana", language="pt-PT")
    assert done["errors"] == []
    me = {"name": "Ana", "language": "pt-PT"}
    assert done["person"] == {"id": encode(Person, who.id), **me}
    assert (await who.run(VIEWER))["viewer"] == me
    assert (await other.run(VIEWER))["viewer"]["name"] == "Somebody"


async def test_what_is_left_out_stays(house: House) -> None:
    who = await stand(house, "Somebody", Grant(Role.CUSTOMER))
    await update(who, language="fr")
    assert (await update(who, name="Bea"))["person"]["language"] == "fr"
    assert (await update(who))["person"]["name"] == "Bea"


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"name": "x" * 101}, "name"),
        ({"name": "a\0b"}, "name"),
        ({"language": "english please"}, "language"),
        ({"language": ""}, "language"),
    ],
)
async def test_what_can_not_be_a_name_or_a_language_is_refused(
    given: dict[str, str], field: str, house: House
) -> None:
    who = await stand(house, "Somebody", Grant(Role.CUSTOMER))
    done = await update(who, **given)
    assert done["person"] is None
    assert done["errors"] == [{"__typename": "InvalidInput", "path": ["input", field]}]
    assert (await who.run(VIEWER))["viewer"]["name"] == "Somebody"


async def test_nobody_in_particular_changes_nothing(nobody: Standing) -> None:
    assert await nobody.codes(UPDATE, {"input": {"name": "x"}}) == {"UNAUTHENTICATED"}
