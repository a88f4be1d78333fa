"""What clients see of an error: a stable code, and nothing that is not meant for them."""

import logging
import re
from typing import Any
from uuid import uuid4

from graphql import GraphQLError

from models.catalog import Product
from models.ids import encode_id
from resolvers.rules import AccessDenied
from services.catalog.code_lookup import AmbiguousProductCode
from services.core.idempotency import KeyReused
from services.core.problems import DomainError
from services.core.transient_errors import is_transient

log = logging.getLogger("darkstore.errors")

REFUSED = "REFUSED"
KEY_REUSED = "This idempotency key was used with other arguments."


def format_error(error: GraphQLError) -> dict[str, Any]:
    """Format an error as it is sent: `{message, locations, path, extensions: {code}}`."""
    cause = _cause(error)
    formatted: dict[str, Any] = dict(error.formatted)
    match cause:
        case None:
            if "code" not in (error.extensions or {}):
                return _with(formatted, "BAD_USER_INPUT" if error.path is None else "INVALID_INPUT")
            return formatted
        case AccessDenied():
            return _with(formatted, cause.code)
        case DomainError():
            code = error_code(*cause.problems)
            more = candidates_of(*cause.problems) | retry_after_of(*cause.problems)
            return _with(formatted, code, message=str(cause), **more)
        case KeyReused():
            return _with(formatted, "IDEMPOTENCY_KEY_REUSED", message=KEY_REUSED)
        case _ if is_transient(cause):
            log.warning("unavailable at %s: %s", error.path, cause)
            return _with(formatted, "UNAVAILABLE", message="Too much is going on: try again.")
        case _:
            reference = uuid4().hex[:12]
            log.error("error %s at %s", reference, error.path, exc_info=cause)
            message = f"Something went wrong on our side. Reference: {reference}."
            return _with(formatted, "INTERNAL", message=message, reference=reference)


def _cause(error: GraphQLError) -> BaseException | None:
    cause: BaseException | None = error.original_error
    while isinstance(cause, GraphQLError):
        cause = cause.original_error
    return cause


def error_code(problem: object = None, *_more: object) -> str:
    """The code of the first problem: its class name as NOT_FOUND; REFUSED when there is none."""
    if problem is None:
        return REFUSED
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(problem).__name__).upper()


def candidates_of(problem: object = None, *_more: object) -> dict[str, Any]:
    """The ids of the products of an ambiguous code, as bodies name them; empty for others."""
    if not isinstance(problem, AmbiguousProductCode):
        return {}
    return {"candidates": [encode_id(Product, key) for key in problem.candidate_ids]}


def retry_after_of(problem: object = None, *_more: object) -> dict[str, int]:
    """The seconds to wait for the first problem, as bodies name them; empty if none are known."""
    seconds = getattr(problem, "retry_after_seconds", None)
    return {} if seconds is None else {"retryAfterSeconds": seconds}


def _with(
    formatted: dict[str, Any], code: str, message: str | None = None, **data: Any
) -> dict[str, Any]:
    formatted["extensions"] = {**formatted.get("extensions", {}), "code": code, **data}
    if message is not None:
        formatted["message"] = message
    return formatted
