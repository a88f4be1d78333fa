"""What clients get to see of an error: a stable code, and nothing that was not meant for them."""

import logging
import re
from typing import Any
from uuid import uuid4

import asyncpg
from graphql import GraphQLError
from sqlalchemy.exc import DBAPIError, InterfaceError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from gateways.payments import PaymentUnavailable
from resolvers.rules import Denied
from services.core.idempotency import KeyReused
from services.core.problems import Refused

log = logging.getLogger("darkstore.errors")

LOST = (InterfaceError, InternalError, OperationalError)
# OSError is a server that can't be reached: refused, reset, not to be found. InternalError without
# a state is what the driver says on a connection whose server died while it was answering.
BUSY = (*LOST, asyncpg.InterfaceError, PoolTimeout, PaymentUnavailable, TimeoutError, OSError)
# Lost connections, time-outs of locks, statements and idle transactions, deadlocks, shutdowns,
# too many connections: asking again may work.
PASSING = re.compile(r"^(08|25P0[34]|40|53|55P03|57)")
REUSED = "This idempotency key was used with other arguments."


def present(error: GraphQLError) -> dict[str, Any]:
    """The error as it is sent: `{message, locations, path, extensions: {code}}`."""
    cause = _cause(error)
    shown: dict[str, Any] = dict(error.formatted)
    match cause:
        case None:
            if "code" not in (error.extensions or {}):
                return _with(shown, "BAD_USER_INPUT" if error.path is None else "INVALID_INPUT")
            return shown
        case Denied():
            return _with(shown, cause.code)
        case Refused():
            return _with(shown, code_of(*cause.reasons), message=str(cause))
        case KeyReused():
            return _with(shown, "IDEMPOTENCY_KEY_REUSED", message=REUSED)
        case _ if passing(cause):
            log.warning("unavailable at %s: %s", error.path, cause)
            return _with(shown, "UNAVAILABLE", message="Too much is going on: try again.")
        case _:
            reference = uuid4().hex[:12]
            log.error("error %s at %s", reference, error.path, exc_info=cause)
            message = f"Something went wrong on our side. Reference: {reference}."
            return _with(shown, "INTERNAL", message=message, reference=reference)


def _cause(error: GraphQLError) -> BaseException | None:
    cause: BaseException | None = error.original_error
    while isinstance(cause, GraphQLError):
        cause = cause.original_error
    return cause


def passing(cause: BaseException) -> bool:
    """Whether the same request may well succeed a little later."""
    # While it connects, the driver raises errors of its own, which carry the state themselves.
    raised: Any = cause.orig if isinstance(cause, DBAPIError) else cause
    state = getattr(raised, "sqlstate", None)
    if state:
        return bool(PASSING.match(str(state)))
    return isinstance(cause, BUSY)


def code_of(reason: object = None, *_more: object) -> str:
    """The name of the first reason, such as NOT_FOUND."""
    name = type(reason).__name__ if reason is not None else Refused.__name__
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).upper()


def _with(
    shown: dict[str, Any], code: str, message: str | None = None, **data: Any
) -> dict[str, Any]:
    shown["extensions"] = {**shown.get("extensions", {}), "code": code, **data}
    if message is not None:
        shown["message"] = message
    return shown
