"""What leaves the house of an error: a code to rely on, and nothing of our insides."""

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

from database.scope import PLATFORM
from database.sessions import Database, Origin
from gateways.payments import PaymentUnavailable
from resolvers.rules import Denied
from server.errors import present
from services.core.idempotency import KeyReused
from services.core.problems import IllegalStep, InvalidInput, NotFound, RateLimited, Refused

SECRET = "postgresql://darkstore:hunter2@db/stock"


def shown(cause: Exception, **more: Any) -> dict[str, Any]:
    """How an error that a resolver raised at `order.total` is presented."""
    return present(GraphQLError(str(cause), path=["order", "total"], original_error=cause, **more))


def code(cause: Exception) -> str:
    return str(shown(cause)["extensions"]["code"])


def test_a_fault_of_ours_is_masked_and_found_again_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.ERROR, "darkstore.errors"):
        error = shown(ZeroDivisionError(SECRET))
    assert error["extensions"]["code"] == "INTERNAL"
    assert "hunter2" not in str(error)
    assert error["path"] == ["order", "total"]
    (entry,) = caplog.records
    assert error["extensions"]["reference"] in entry.getMessage()
    assert error["extensions"]["reference"] in error["message"]
    assert entry.exc_info is not None
    assert isinstance(entry.exc_info[1], ZeroDivisionError)


def test_a_cause_inside_of_graphql_errors_is_found() -> None:
    inner = GraphQLError(SECRET, original_error=ZeroDivisionError(SECRET))
    error = present(GraphQLError(SECRET, path=["order"], original_error=inner))
    assert error["extensions"]["code"] == "INTERNAL"
    assert "hunter2" not in str(error)


@pytest.mark.parametrize(
    ("cause", "expected"),
    [
        (Denied("FORBIDDEN", "This is for riders only."), "FORBIDDEN"),
        (Denied("UNAUTHENTICATED", "Sign in first."), "UNAUTHENTICATED"),
        (KeyReused(), "IDEMPOTENCY_KEY_REUSED"),
        (Refused(NotFound(message="There is no such order.")), "NOT_FOUND"),
        (Refused(InvalidInput(message="first is from 1 to 100.")), "INVALID_INPUT"),
        (Refused(IllegalStep(message="Too late.", state="PACKED", legal=[])), "ILLEGAL_STEP"),
        (Refused(RateLimited(message="Slowly.", retry_after_seconds=3)), "RATE_LIMITED"),
        (Refused(), "REFUSED"),
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
    error = shown(cause)
    assert error["extensions"]["code"] == expected
    assert "hunter2" not in str(error)


def test_a_refusal_speaks_to_people_with_all_its_reasons() -> None:
    reasons = [InvalidInput(message="Too short."), NotFound(message="No such store.")]
    error = shown(Refused(*reasons))
    assert error["message"] == "Too short.; No such store."


def test_a_document_that_does_not_fit_is_the_clients_fault() -> None:
    schema = build_schema("type Query { order(id: ID!): String }")
    (error,) = validate(schema, parse("{ order }"))
    told = present(error)
    assert told["extensions"]["code"] == "BAD_USER_INPUT"
    assert "is required" in told["message"]
    assert told["locations"] == [{"line": 1, "column": 3}]


def test_a_code_that_is_set_already_stays() -> None:
    mine = GraphQLError("Slow down.", extensions={"code": "OVER_BUDGET", "cost": 7})
    assert present(mine)["extensions"] == {"code": "OVER_BUDGET", "cost": 7}
    around = GraphQLError("Slow down.", path=["a"], original_error=mine)
    assert present(around)["extensions"]["code"] == "OVER_BUDGET"


def test_an_error_that_a_field_words_itself_is_invalid_input() -> None:
    assert present(GraphQLError("No such locale.", path=["a"]))["extensions"] == {
        "code": "INVALID_INPUT"
    }


async def fault(url: str, *statements: str, pause_seconds: float = 0) -> Exception:
    """What the last of some statements in one transaction raises."""
    database = Database(url)
    try:
        async with database.write(PLATFORM, Origin("test")) as session:
            for statement in statements:
                await session.execute(text(statement))
                await asyncio.sleep(pause_seconds)
    except Exception as error:
        return error
    finally:
        await database.close()
    raise AssertionError("nothing was raised")


async def test_what_the_real_database_raises_is_told_apart(database_url: str) -> None:
    slow = await fault(database_url, "set local statement_timeout = 20", "select pg_sleep(1)")
    assert code(slow) == "UNAVAILABLE"
    assert code(await fault(database_url, "select 1/0")) == "INTERNAL"
    assert code(await fault(database_url, "select nothing from nowhere")) == "INTERNAL"


async def test_a_connection_that_the_database_cut_is_unavailable(database_url: str) -> None:
    idle = "set local idle_in_transaction_session_timeout = 20"
    cut = await fault(database_url, idle, "select 1", pause_seconds=0.2)
    assert code(cut) == "UNAVAILABLE", repr(cut)


async def test_a_database_that_is_not_there_is_unavailable() -> None:
    nowhere = await fault("postgresql+asyncpg://darkstore@127.0.0.1:9/darkstore", "select 1")
    assert code(nowhere) == "UNAVAILABLE", repr(nowhere)
