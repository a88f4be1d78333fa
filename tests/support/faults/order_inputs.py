"""Inputs of orders for tests of bad input."""

from typing import Any

DOOR = {"addressLine": "Rua 1"}


def order_at_door(fields: dict[str, Any]) -> dict[str, Any]:
    """The input of an order of what a cart would have, at a door."""
    rest = {name: value for name, value in fields.items() if name != "location"}
    return {"destination": {"location": fields["location"]}, **rest, **DOOR}
