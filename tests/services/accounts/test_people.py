"""People change their own name and language only."""

from typing import Any

import pytest

from models.accounts import User
from models.identity import Grant, Role
from models.ids import encode_id
from resolvers.context import Container
from tests.support.actors import ActorClient, create_client

UPDATE = """mutation ($input: ViewerUpdateInput!) { viewerUpdate(input: $input) {
  user { id name language } errors { __typename ... on Problem { path } } } }"""
VIEWER = "{ viewer { name language } }"


async def update(who: ActorClient, **fields: Any) -> Any:
    return (await who.run(UPDATE, {"input": fields}))["viewerUpdate"]


@pytest.mark.parametrize("role", list(Role))
async def test_everybody_changes_their_own_name_and_language(
    role: Role, container: Container
) -> None:
    """A person who moved would get messages in a language that they don't read."""
    who, other = [await create_client(container, "Somebody", Grant(role)) for _ in range(2)]
    payload = await update(who, name="Ana", language="pt-PT")
    assert payload["errors"] == []
    me = {"name": "Ana", "language": "pt-PT"}
    assert payload["user"] == {"id": encode_id(User, who.id), **me}
    assert (await who.run(VIEWER))["viewer"] == me
    assert (await other.run(VIEWER))["viewer"]["name"] == "Somebody"


async def test_omitted_fields_keep_their_value(container: Container) -> None:
    """An app that knows only the name would empty the language."""
    who = await create_client(container, "Somebody", Grant(Role.CUSTOMER))
    await update(who, language="fr")
    assert (await update(who, name="Bea"))["user"]["language"] == "fr"
    assert (await update(who))["user"]["name"] == "Bea"


@pytest.mark.parametrize(
    "tag", ["en", "fil", "yue", "ceb-PH", "zh-Hant", "zh-Hant-HK", "es-419", "sr-Latn-RS", "sq-XK"]
)
async def test_a_language_is_any_that_cldr_knows(tag: str, container: Container) -> None:
    """Filipino has no code of two letters, so that it was refused, and en-XX was accepted."""
    who = await create_client(container, "Somebody", Grant(Role.CUSTOMER))
    assert (await update(who, language=tag))["user"]["language"] == tag


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name": "x" * 101}, "name"),
        ({"name": "a\x07b"}, "name"),
        ({"language": "english please"}, "language"),
        ({"language": ""}, "language"),
        ({"language": "xx-not"}, "language"),
        ({"language": "xx"}, "language"),
        ({"language": "en\n"}, "language"),
        ({"language": "en-XX"}, "language"),
        ({"language": "en-Qqqq"}, "language"),
        ({"language": "en-999"}, "language"),
        ({"language": "und"}, "language"),
    ],
)
async def test_an_invalid_name_or_language_is_refused(
    fields: dict[str, str], field: str, container: Container
) -> None:
    """ "xx-not" was stored as a language, and messages of that person had none that exists."""
    who = await create_client(container, "Somebody", Grant(Role.CUSTOMER))
    payload = await update(who, **fields)
    assert payload["user"] is None
    assert payload["errors"] == [{"__typename": "InvalidInput", "path": ["input", field]}]
    assert (await who.run(VIEWER))["viewer"]["name"] == "Somebody"


async def test_an_anonymous_caller_cannot_update_a_person(nobody: ActorClient) -> None:
    """There is no person to change: it is refused, and not an unexpected error."""
    assert await nobody.codes(UPDATE, {"input": {"name": "x"}}) == {"UNAUTHENTICATED"}
