"""Reads JSON that a client sends: the one place for what is tolerated."""

import orjson

BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def decode_json(raw: bytes) -> object:
    """Decode JSON in UTF-8; raises ValueError for other bytes.

    orjson refuses bad UTF-8, lone surrogates, NaN and nesting that would exhaust the stack. A byte
    order mark is ignored, as RFC 8259 allows: editors and some client libraries write one.
    """
    try:
        decoded: object = orjson.loads(raw)
    except orjson.JSONDecodeError:
        if not raw.startswith(BYTE_ORDER_MARK):
            raise
        return orjson.loads(raw[len(BYTE_ORDER_MARK) :])
    return decoded
