"""Scalars of the graph and the Money type."""

from collections.abc import Callable
from datetime import date, datetime, time
from operator import methodcaller
from typing import Annotated, Any

import strawberry
from graphql import GraphQLError
from strawberry.types.scalar import ScalarDefinition

from models.message_text import number_text
from models.money import Money as MoneyValue
from resolvers.shared_inputs import GeoJSON, SafeInt
from schema.backing import backed_by, column, field
from services.accounts.language_tags import locale_of
from services.core.date_times import parse_date, parse_instant, parse_time_of_day

SAFE_INTEGER = 2**53 - 1

__all__ = ["SCALARS", "GeoJSON", "MoneyType", "SafeInt"]


def _big_int(value: Any) -> int:
    """A whole number; JSON knows one kind of numbers, so that 3300.0 is one as well."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > SAFE_INTEGER:
        most = number_text(SAFE_INTEGER)
        raise GraphQLError(f"A SafeInt is a whole number from -{most} to {most}.")
    return value


def _text_scalar(
    name: str, description: str, url: str, parse: Callable[[str], object]
) -> ScalarDefinition:
    """A scalar that is written as text; `parse` raises ValueError with a sentence for clients."""

    def parse_value(value: object) -> object:
        try:
            return parse(value if isinstance(value, str) else "")
        except ValueError as error:
            raise GraphQLError(str(error)) from None

    return strawberry.scalar(
        name=name,
        description=description,
        specified_by_url=url,
        serialize=methodcaller("isoformat"),
        parse_value=parse_value,
    )


def _geojson(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict) or not isinstance(value.get("type"), str):
        raise GraphQLError("GeoJSON is an object whose type is a geometry, such as Polygon.")
    return value


SCALARS: dict[object, ScalarDefinition] = {
    datetime: _text_scalar(
        "DateTime",
        "An instant with its offset, as 2026-11-30T08:00:00Z. Answers are in UTC.",
        "https://www.rfc-editor.org/rfc/rfc3339#section-5.6",
        parse_instant,
    ),
    date: _text_scalar(
        "Date",
        "A calendar date, as 2026-11-30.",
        "https://www.rfc-editor.org/rfc/rfc3339#section-5.6",
        parse_date,
    ),
    time: _text_scalar(
        "LocalTime",
        "A time of a place's clock, as 08:00 or 08:00:30; it has no offset.",
        "https://html.spec.whatwg.org/multipage/common-microsyntaxes.html#times",
        parse_time_of_day,
    ),
    SafeInt: strawberry.scalar(
        name="SafeInt",
        description="A whole number that JavaScript can hold exactly (at most 2^53 - 1).",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc8259#section-6",
        serialize=_big_int,
        parse_value=_big_int,
    ),
    GeoJSON: strawberry.scalar(
        name="GeoJSON",
        description="A GeoJSON object (RFC 7946): longitude first, WGS 84.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc7946#section-3.1",
        serialize=lambda value: value,
        parse_value=_geojson,
    ),
}

Locale = Annotated[
    str | None,
    strawberry.argument(
        description="A language tag such as `en`, `zh-Hant` or `pt-PT`; by default the request's."
    ),
]


def _formatted(
    parent: strawberry.Parent[MoneyValue], info: strawberry.Info, locale: Locale = None
) -> str:
    context = info.context
    found = locale_of((context.locale or context.language) if locale is None else locale)
    if found is None:
        message = f"There is no locale {(locale or '')[:35]!r}."
        raise GraphQLError(message, extensions={"code": "INVALID_INPUT"})
    return parent.formatted(str(found))


@backed_by(MoneyValue, "An amount of money, in integer minor units.")
class MoneyType:
    minor_units: SafeInt = column("The amount in minor units (cents) of the currency.")
    currency: str = column("The ISO 4217 code of the currency.")
    formatted: str | None = field(_formatted, "The amount, formatted for a locale.")
