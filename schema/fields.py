"""Field declarations that many types share: ids, money, translated texts, private values."""

from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import Any
from uuid import UUID

import strawberry

from database.base import Entity
from models import ids
from models.identity import Actor
from models.money import Money
from resolvers.rules import Rule
from schema.backing import RowKey, derived, field

DEFAULT_LANGUAGE = "en"


def id_field(
    model: type[Entity], description: str = "The opaque id of this object.", *, by: str = "id"
) -> Any:
    """Declare a field with the public id of the parent's UUID attribute `by`."""
    encode, get = ids.id_encoder(model), attrgetter(by)

    def read(parent: Any) -> str | None:
        value = get(parent)
        return None if value is None else encode(value)

    return derived(lambda _context: read, description, needs=(by,))


def argument_key(model: type[Entity]) -> RowKey:
    """Return a function that reads the row's key from the argument `id`; None for an invalid id."""

    def key_of(arguments: Mapping[str, Any]) -> UUID | None:
        return ids.decode_id(model, arguments["id"])

    return key_of


def money_field(by: str, description: str, *, allow: Rule | None = None) -> Any:
    """Declare a Money field from the parent's minor-unit attribute `by` and its `currency`."""
    get, new = attrgetter(by, "currency"), tuple.__new__

    def read(parent: Any) -> Money | None:
        minor_and_currency = get(parent)
        return None if minor_and_currency[0] is None else new(Money, minor_and_currency)

    if allow is None:
        needs = (by, "currency")
        composed_of = by, {"minor": by, "currency": "currency"}
        return derived(lambda _context: read, description, composed_of=composed_of, needs=needs)

    def resolve(parent: strawberry.Parent[Any], info: strawberry.Info) -> Any:
        return read(parent)

    return field(resolve, description, allow=allow, reads="")


def private_field(by: str, description: str, may_see: Callable[[Any, Actor], bool]) -> Any:
    """Declare a field with the parent's attribute `by`, null for callers who may not see it."""
    get = attrgetter(by)

    def reader(context: Any) -> Any:
        actor = context.actor

        def value(row: Any) -> Any:
            own = context.signed_in
            visible = may_see(row, actor) or (own is not None and may_see(row, own))
            return get(row) if visible else None

        return value

    return derived(reader, description, reads="caller")


def translated_field(by: str, description: str) -> Any:
    """Declare a field with the parent's text in the request's language, else the catalog's."""
    untranslated = attrgetter(by)

    def reader(context: Any) -> Any:
        language = context.language
        if language == DEFAULT_LANGUAGE:
            return untranslated
        return lambda row: str(row.translations.get(language) or untranslated(row))

    return derived(reader, description, reads="language")
