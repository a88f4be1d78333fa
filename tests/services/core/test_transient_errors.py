"""Transient errors: one definition for server and jobs, decided by the SQLSTATE."""

from collections.abc import Iterator
from typing import Any

import asyncpg
import pytest
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from gateways.payments import PaymentDeclined, PaymentUnavailable
from gateways.sms import SmsRejected, SmsUnavailable
from services.core.transient_errors import is_transient
from tests.support.paths import ROOT

PRODUCT = (
    "server", "schema", "jobs", "resolvers", "workflows", "services", "gateways", "database",
)  # fmt: skip
TRANSIENT_CLASSES = {"08", "40", "53", "57", "58"}
TRANSIENT_STATES = {"25006", "25P03", "25P04", "55P03"}


def driver_errors(base: Any = asyncpg.PostgresError) -> Iterator[Any]:
    """Every error of the driver that has a SQLSTATE."""
    for error in base.__subclasses__():
        if error.__module__.startswith("asyncpg"):
            if error.__dict__.get("sqlstate"):
                yield error
            yield from driver_errors(error)


def forms(error: Exception) -> list[Exception]:
    """The error as the bare driver, the write session and SQLAlchemy's own dialect raise it."""
    adapted = Exception(str(error))
    adapted.__cause__ = error
    return [
        error,
        DBAPIError("select 1", None, error),
        OperationalError("select 1", None, adapted),
        InterfaceError("select 1", None, adapted),
    ]


def test_every_sqlstate_is_classified_alike_however_it_is_raised() -> None:
    """An overload made dead letters, as jobs knew SQLAlchemy's errors and not the driver's."""
    classes = set()
    for error_type in driver_errors():
        state = str(error_type.sqlstate)
        classes.add(state[:2])
        expected = state[:2] in TRANSIENT_CLASSES or state in TRANSIENT_STATES
        expected = expected or issubclass(error_type, asyncpg.InvalidCachedStatementError)
        verdicts = [is_transient(error) for error in forms(error_type("failed"))]
        assert verdicts == [expected] * len(verdicts), (error_type, state)
    assert len(classes) > 35


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.LockNotAvailableError("lock timeout"),
        asyncpg.QueryCanceledError("statement timeout"),
        asyncpg.DeadlockDetectedError("deadlock"),
        asyncpg.AdminShutdownError("stopped"),
        asyncpg.ConnectionDoesNotExistError("gone"),
        asyncpg.TooManyConnectionsError("sorry"),
        asyncpg.InterfaceError("connection is closed"),
        asyncpg.InternalClientError("unexpected message"),
        DBAPIError("select 1", None, Exception(), connection_invalidated=True),
        PoolTimeout(),
        TimeoutError(),
        ConnectionResetError(),
        PaymentUnavailable("no answer"),
        SmsUnavailable("no answer"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_overloads_and_outages_are_transient(error: Exception) -> None:
    assert is_transient(error)


@pytest.mark.parametrize(
    "error",
    [asyncpg.InterfaceError("closed"), asyncpg.InternalClientError("cannot switch to state 15")],
    ids=lambda error: type(error).__name__,
)
def test_a_lost_connection_is_transient_however_it_is_raised(error: Exception) -> None:
    """A server that stopped between two requests made the next one an internal error."""
    assert [is_transient(one) for one in forms(error)] == [True] * 4


@pytest.mark.parametrize(
    "error",
    [
        ValueError("wrong"),
        *forms(asyncpg.UniqueViolationError("twice"))[1:],
        DBAPIError("select 1", None, Exception("no state")),
        PaymentDeclined("no money"),
        SmsRejected("no such number"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_would_fail_again_is_not_transient(error: Exception) -> None:
    assert not is_transient(error)


def test_an_argument_that_the_driver_cannot_encode_is_not_transient() -> None:
    """It is an InterfaceError and a ValueError; that of a closed connection is the first alone."""
    error = asyncpg.ClientConfigurationError("invalid input for query argument $1")
    assert isinstance(error, asyncpg.InterfaceError)
    assert [is_transient(one) for one in forms(error)] == [False] * 4


def test_no_other_module_classifies_errors_of_the_database() -> None:
    names = ("OperationalError", "TooManyConnectionsError", "sqlstate")
    places = [
        path.relative_to(ROOT).as_posix()
        for package in PRODUCT
        for path in sorted((ROOT / package).rglob("*.py"))
        if any(name in path.read_text() for name in names)
    ]
    assert places == ["services/core/transient_errors.py"]
