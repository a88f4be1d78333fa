"""Which errors end by themselves: the same request may succeed a little later.

The server answers them with UNAVAILABLE, and jobs try again without counting a failure. For an
error of the database its SQLSTATE decides, whether SQLAlchemy or the bare driver has raised it.
"""

import re
from typing import Any

import asyncpg
from sqlalchemy.exc import DBAPIError, InterfaceError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

# 08: the connection is lost or refused. 25006: a standby answers during a failover.
# 25P03, 25P04: an idle or too long transaction was ended. 40: deadlocks and conflicts.
# 53: out of connections, memory or disk space. 55P03: a lock was not available in time.
# 57: statements canceled by a timeout, servers that start or stop. 58: errors of its system.
TRANSIENT_SQLSTATE = re.compile(r"08|25006|25P0[34]|40|53|55P03|57|58")
# Errors without a SQLSTATE. OSError: a server that can't be reached (refused, reset, not found).
# The internal ones are the driver's, on a connection whose server stopped while it was answering.
TRANSIENT_ERRORS = (
    InterfaceError,
    InternalError,
    OperationalError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    PoolTimeout,
    TimeoutError,
    OSError,
)


def is_transient(error: BaseException) -> bool:
    """Whether the same request may succeed a little later."""
    cause = _driver_error(error)
    if isinstance(cause, asyncpg.InvalidCachedStatementError):
        return True  # prepared before a migration: the driver prepares it again
    if state := getattr(cause, "sqlstate", None):
        return TRANSIENT_SQLSTATE.match(str(state)) is not None
    if isinstance(cause, asyncpg.InterfaceError) and isinstance(cause, ValueError):
        return False  # the driver can't encode an argument: nothing of the connection
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    # Errors of gateways say it themselves: third parties that can't be reached.
    known = isinstance(error, TRANSIENT_ERRORS) or isinstance(cause, TRANSIENT_ERRORS)
    return known or getattr(error, "transient", False) is True


def _driver_error(error: BaseException) -> BaseException:
    """The error of the driver that SQLAlchemy has wrapped, once or twice; else `error`."""
    if not isinstance(error, DBAPIError):
        return error
    adapted: Any = error.orig
    return adapted.__cause__ or adapted if isinstance(adapted, BaseException) else error
