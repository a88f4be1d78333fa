"""The extremes of each input type: what its column can't hold, and what it just can."""

from typing import Any

from database.base import uuid7
from models.accounts import User
from models.ids import encode_id
from models.orders import Order

LONG = "x" * 10_000
DIGITS = "9" * 400
FAR_DATES = ["0001-01-01", "1900-01-01", "9998-12-31", "9999-12-31"]
RING = [[0, 0], [0, 1], [1, 1], [0, 0]]

EXTREMES: dict[str, list[Any]] = {
    "String": ["\0", "a\ud800", "", " ", LONG, DIGITS, "\U0010ffff", "nan", "%_\\", *FAR_DATES[:1]],
    "ID": ["\0", "\ud800", "", LONG, DIGITS, encode_id(Order, uuid7()), encode_id(User, uuid7())],
    "Int": [2**31, 2**31 - 1, -(2**31), 0, -1],
    "SafeInt": [2**63, 2**53, 2**53 - 1, 1 - 2**53, 2**31, -(2**31) - 1, 0, 1e308],
    "Float": [1e308, -1e308, 5e-324, 2.0**63, 0.0],
    "Boolean": [True, False],
    "DateTime": ["\0", *(f"{day}T{at}" for day in FAR_DATES for at in (
        "00:00:00Z", "23:59:59.999999-14:00", "00:00:00+14:00"))],
    "Date": ["\0", *FAR_DATES],
    "LocalTime": ["\0", "00:00", "23:59:59.999999", "24:00"],
    "UUID": ["\0", "", f"{0:032x}", "f" * 32],
    "GeoJSON": [
        {}, {"type": "\0"}, {"type": "Polygon"}, {"type": "Polygon", "coordinates": []},
        {"type": "Polygon", "coordinates": [[]]}, {"type": "Point", "coordinates": [1e308, 0]},
        {"type": "Polygon", "coordinates": [[[1e308, 0], [0, 1e308], [1, 1], [1e308, 0]]]},
        {"type": "Polygon", "coordinates": [RING] * 300},
        {"type": "Polygon", "coordinates": [[["a", None], {}, 5, "\ud800"]]},
        {"type": "MultiPolygon", "coordinates": [[RING], [RING]]},
        {"type": "Polygon", "coordinates": [[[0, 0], [180, 0], [0, 1], [0, 0]]]},
    ],
}  # fmt: skip
"""By the name of a scalar."""

KEYS: list[Any] = [
    "\0", "\ud800", "", LONG, DIGITS, "-" + DIGITS, "nan", "inf", "1e999", *FAR_DATES,
    f"{0:032x}", 2**15, 2**31, -(2**31) - 1, 2**63 - 1, 2**63, 2**64 - 1, 1e308, -1e308, 0.5,
    True, None, [], {}, [[1]],
]  # fmt: skip
"""What may stand in a forged cursor in place of any key."""
