"""Shorthands for fields that many nouns have: ids, sums of money, translated texts."""

from typing import Any

import strawberry

from models import ids
from models.base import Keyed
from models.money import Money
from resolvers.rules import Rule
from schema.backing import field

DEFAULT_LANGUAGE = "en"


def key(
    model: type[Keyed], description: str = "The opaque id of this object.", *, by: str = "id"
) -> Any:
    """The public id made of the parent's UUID attribute `by`."""

    def read(parent: strawberry.Parent[Any]) -> strawberry.ID | None:
        value = getattr(parent, by)
        return None if value is None else strawberry.ID(ids.encode(model, value))

    return field(read, description)


def money(by: str, description: str, *, allow: Rule | None = None) -> Any:
    """A sum read off the parent's minor-unit attribute `by` and its `currency`."""

    def read(parent: strawberry.Parent[Any], info: strawberry.Info) -> Any:
        row: Any = parent
        minor = getattr(row, by)
        return None if minor is None else Money(minor, row.currency)

    return field(read, description, allow=allow, reads="")


def translated(by: str, description: str) -> Any:
    """The parent's text in the language of the request, or in the catalog's own language."""

    def read(parent: strawberry.Parent[Any], info: strawberry.Info) -> str:
        row: Any = parent
        language = info.context.language
        if language == DEFAULT_LANGUAGE:
            return str(getattr(row, by))
        return str(row.translations.get(language) or getattr(row, by))

    return field(read, description, reads="language")
