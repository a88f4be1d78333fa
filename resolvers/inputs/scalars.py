"""Scalars by name, for inputs; how they are written and read stands in `schema.scalars`."""

from typing import NewType

BigInt = NewType("BigInt", int)
GeoJSON = NewType("GeoJSON", dict)  # type: ignore[type-arg] # a NewType over JSON
