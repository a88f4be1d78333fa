"""What clients see of an error: a stable code, and no internal details."""

import asyncio
import logging
from typing import Any

import asyncpg
import pytest
from graphql import GraphQLError, parse, validate
from graphql.utilities import build_schema
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from database.audit import AuditContext
from database.scope import PLATFORM
from database.sessions import Database
from gateways.payments import PaymentUnavailable
from resolvers.rules import AccessDenied
from server.errors import format_error
from services.core.idempotency import KeyReused
from services.core.problems import (
    DomainError,
    InvalidInput,
    InvalidTransition,
    NotFound,
    RateLimited,
)

SECRET = "postgresql://darkstore:hunter2@db/stock"


def formatted(cause: Exception, **more: Any) -> dict[str, Any]:
    """The format of an error that a resolver raised at `order.total`."""
    return format_error(
        GraphQLError(str(cause), path=["order", "total"], original_error=cause, **more)
    )


def code(cause: Exception) -> str:
    return str(formatted(cause)["extensions"]["code"])


def test_an_internal_error_is_masked_and_logged_with_its_reference(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.ERROR, "darkstore.errors"):
        error = formatted(ZeroDivisionError(SECRET))
    assert error["extensions"]["code"] == "INTERNAL"
    assert "hunter2" not in str(error)
    assert error["path"] == ["order", "total"]
    (entry,) = caplog.records
    assert error["extensions"]["reference"] in entry.getMessage()
    assert error["extensions"]["reference"] in error["message"]
    assert entry.exc_info is not None
    assert isinstance(entry.exc_info[1], ZeroDivisionError)


def test_a_cause_nested_in_graphql_errors_is_found() -> None:
    inner = GraphQLError(SECRET, original_error=ZeroDivisionError(SECRET))
    error = format_error(GraphQLError(SECRET, path=["order"], original_error=inner))
    assert error["extensions"]["code"] == "INTERNAL"
    assert "hunter2" not in str(error)


@pytest.mark.parametrize(
    ("cause", "expected"),
    [
        (AccessDenied("FORBIDDEN", "Only riders may do this."), "FORBIDDEN"),
        (AccessDenied("UNAUTHENTICATED", "Sign in first."), "UNAUTHENTICATED"),
        (KeyReused(), "IDEMPOTENCY_KEY_REUSED"),
        (DomainError(NotFound(message="There is no such order.")), "NOT_FOUND"),
        (DomainError(InvalidInput(message="first is from 1 to 100.")), "INVALID_INPUT"),
        (
            DomainError(
                InvalidTransition(message="Too late.", current_status="PACKED", allowed_actions=[])
            ),
            "INVALID_TRANSITION",
        ),
        (DomainError(RateLimited(message="Slowly.", retry_after_seconds=3)), "RATE_LIMITED"),
        (DomainError(), "REFUSED"),
        (PoolTimeout(SECRET), "UNAVAILABLE"),
        (TimeoutError(), "UNAVAILABLE"),
        (ConnectionRefusedError(111, SECRET), "UNAVAILABLE"),
        (FileNotFoundError(2, "no socket"), "UNAVAILABLE"),
        (PaymentUnavailable("no answer"), "UNAVAILABLE"),
        (asyncpg.CannotConnectNowError("starting up"), "UNAVAILABLE"),
        (asyncpg.TooManyConnectionsError("sorry"), "UNAVAILABLE"),
        (asyncpg.ConnectionDoesNotExistError("gone"), "UNAVAILABLE"),
        (asyncpg.UndefinedTableError("no such table"), "INTERNAL"),
        (IntegrityError("insert", None, asyncpg.UniqueViolationError("twice")), "INTERNAL"),
    ],
)
def test_each_cause_has_a_stable_code(cause: Exception, expected: str) -> None:
    error = formatted(cause)
    assert error["extensions"]["code"] == expected
    assert "hunter2" not in str(error)


def test_a_domain_error_shows_all_its_problems() -> None:
    reasons = [InvalidInput(message="Too short."), NotFound(message="No such store.")]
    error = formatted(DomainError(*reasons))
    assert error["message"] == "Too short.; No such store."


def test_an_invalid_document_is_bad_user_input() -> None:
    schema = build_schema("type Query { order(id: ID!): String }")
    (error,) = validate(schema, parse("{ order }"))
    formatted_error = format_error(error)
    assert formatted_error["extensions"]["code"] == "BAD_USER_INPUT"
    assert "is required" in formatted_error["message"]
    assert formatted_error["locations"] == [{"line": 1, "column": 3}]


def test_an_existing_code_is_kept() -> None:
    own_error = GraphQLError("Slow down.", extensions={"code": "OVER_BUDGET", "cost": 7})
    assert format_error(own_error)["extensions"] == {"code": "OVER_BUDGET", "cost": 7}
    wrapped = GraphQLError("Slow down.", path=["a"], original_error=own_error)
    assert format_error(wrapped)["extensions"]["code"] == "OVER_BUDGET"


def test_an_error_without_a_code_is_invalid_input() -> None:
    assert format_error(GraphQLError("No such locale.", path=["a"]))["extensions"] == {
        "code": "INVALID_INPUT"
    }


async def raised_by(url: str, *statements: str, pause_seconds: float = 0) -> Exception:
    """Execute statements in one transaction; what the last one raises."""
    database = Database(url)
    try:
        async with database.write(PLATFORM, AuditContext("test")) as session:
            for statement in statements:
                await session.execute(text(statement))
                await asyncio.sleep(pause_seconds)
    except Exception as error:
        return error
    finally:
        await database.close()
    raise AssertionError("nothing was raised")


async def test_errors_of_the_real_database_are_classified(database_url: str) -> None:
    slow = await raised_by(database_url, "set local statement_timeout = 20", "select pg_sleep(1)")
    assert code(slow) == "UNAVAILABLE"
    assert code(await raised_by(database_url, "select 1/0")) == "INTERNAL"
    assert code(await raised_by(database_url, "select nothing from nowhere")) == "INTERNAL"


async def test_a_connection_closed_by_the_database_is_unavailable(database_url: str) -> None:
    idle = "set local idle_in_transaction_session_timeout = 20"
    closed = await raised_by(database_url, idle, "select 1", pause_seconds=0.2)
    assert code(closed) == "UNAVAILABLE", repr(closed)


async def test_an_unreachable_database_is_unavailable() -> None:
    unreachable = await raised_by(
        "postgresql+asyncpg://darkstore@127.0.0.1:9/darkstore", "select 1"
    )
    assert code(unreachable) == "UNAVAILABLE", repr(unreachable)
