"""Scalars of the graph and the Money type."""

from typing import Annotated, Any

import strawberry
from babel.core import UnknownLocaleError
from babel.numbers import format_currency, get_currency_precision
from graphql import GraphQLError
from strawberry.types.scalar import ScalarDefinition

from models.money import Money as MoneyValue
from resolvers.shared_inputs import BigInt, GeoJSON
from schema.backing import backed_by, column, field

SAFE_INTEGER = 2**53 - 1

__all__ = ["SCALARS", "BigInt", "GeoJSON", "MoneyType"]


def _big_int(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > SAFE_INTEGER:
        raise GraphQLError("A BigInt is a whole number between -(2^53-1) and 2^53-1.")
    return value


def _geojson(value: Any) -> dict[str, Any]:
    kinds = {"Point", "Polygon", "MultiPolygon", "LineString"}
    if not isinstance(value, dict) or value.get("type") not in kinds:
        raise GraphQLError("GeoJSON is an object whose type is a geometry, such as Polygon.")
    return value


SCALARS: dict[object, ScalarDefinition] = {
    BigInt: strawberry.scalar(
        name="BigInt",
        description="A whole number that JavaScript can hold exactly (at most 2^53 - 1).",
        serialize=_big_int,
        parse_value=_big_int,
    ),
    GeoJSON: strawberry.scalar(
        name="GeoJSON",
        description="A GeoJSON geometry (RFC 7946): longitude first, WGS 84.",
        serialize=lambda value: value,
        parse_value=_geojson,
    ),
}

Locale = Annotated[
    str, strawberry.argument(description="A language tag such as `en`, `zh-Hant` or `pt-PT`.")
]


def _formatted(parent: strawberry.Parent[MoneyValue], locale: Locale = "en") -> str:
    amount = parent.minor / 10 ** get_currency_precision(parent.currency)
    try:
        return format_currency(amount, parent.currency, locale=locale.replace("-", "_"))
    except (UnknownLocaleError, ValueError):
        raise GraphQLError(
            f"There is no locale {locale[:35]!r}.", extensions={"code": "INVALID_INPUT"}
        ) from None


@backed_by(MoneyValue, "An amount of money, in integer minor units.")
class MoneyType:
    minor: BigInt = column("The amount in minor units (cents) of the currency.")
    currency: str = column("The ISO 4217 code of the currency.")
    formatted: str = field(_formatted, "The amount, formatted for a locale.")
