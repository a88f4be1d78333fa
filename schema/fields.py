"""Shorthands for fields that many nouns have: ids, sums of money, translated texts."""

from collections.abc import Mapping
from operator import attrgetter
from typing import Any
from uuid import UUID

import strawberry

from database.base import Keyed
from models import ids
from models.money import Money
from resolvers.rules import Rule
from schema.backing import Foresees, derived, field

DEFAULT_LANGUAGE = "en"


def key(
    model: type[Keyed], description: str = "The opaque id of this object.", *, by: str = "id"
) -> Any:
    """The public id made of the parent's UUID attribute `by`."""
    encode, get = ids.encoder(model), attrgetter(by)

    def read(parent: Any) -> str | None:
        value = get(parent)
        return None if value is None else encode(value)

    return derived(lambda _context: read, description, needs=(by,))


def named(model: type[Keyed]) -> Foresees:
    """The key of the row of this model that the argument `id` names; None when it names none."""

    def foresees(arguments: Mapping[str, Any]) -> UUID | None:
        return ids.decode(model, arguments["id"])

    return foresees


def money(by: str, description: str, *, allow: Rule | None = None) -> Any:
    """A sum read off the parent's minor-unit attribute `by` and its `currency`."""
    get, new = attrgetter(by, "currency"), tuple.__new__

    def read(parent: Any) -> Money | None:
        pair = get(parent)
        return None if pair[0] is None else new(Money, pair)

    if allow is None:
        get_of = (by, "currency")
        made_of = by, {"minor": by, "currency": "currency"}
        return derived(lambda _context: read, description, made_of=made_of, needs=get_of)

    def allowed(parent: strawberry.Parent[Any], info: strawberry.Info) -> Any:
        return read(parent)

    return field(allowed, description, allow=allow, reads="")


def translated(by: str, description: str) -> Any:
    """The parent's text in the language of the request, or in the catalog's own language."""
    own = attrgetter(by)

    def reader(context: Any) -> Any:
        language = context.language
        if language == DEFAULT_LANGUAGE:
            return own
        return lambda row: str(row.translations.get(language) or own(row))

    return derived(reader, description, reads="language")
