"""Runs a command in one transaction and builds the mutation's payload: a row or its errors."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from functools import cache
from typing import Any, TypeVar
from uuid import UUID

from graphql import value_from_ast_untyped
from sqlalchemy import Select, Text, bindparam, cast, func, select
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncSession

from database.base import Entity
from database.rows import model_of
from database.scope import COMPANY_SETTINGS
from database.statements import prepared
from database.write_session import set_company
from models.ids import decode_id, encode_id, model_of_id
from resolvers.context import Context, Info
from services.core import clock, idempotency
from services.core.problems import (
    CommittedDomainError,
    DomainError,
    InvalidInput,
    not_found,
    parse_id,
)

Payload = TypeVar("Payload")
Operation = Callable[[AsyncSession], Awaitable[Any]]
CompanyLookup = Callable[[AsyncSession], Awaitable[UUID]]
CompanyRef = UUID | CompanyLookup | None
IDEMPOTENT = "idempotent"


async def run_mutation(
    info: Info,
    payload: Callable[..., Payload],
    operation: Operation,
    *,
    input: object,
    company_id: CompanyRef = None,
    as_platform: bool = False,
) -> Payload:
    """Run `operation` in one transaction; return `payload(row)`, or `payload(errors=…)` if refused.

    With an idempotency key, the row of an earlier equal request is returned and nothing is done.
    `company_id` may be a lookup that raises DomainError, such as `company_of(info, Store, id)`.
    `as_platform` opens the rows of all tenants: the operation itself authorizes.
    """
    context = info.context
    request = idempotent_request(info, input)
    try:
        known_id = None if callable(company_id) else company_id
        async with _transaction(context, info.field_name, known_id, as_platform) as session:
            if callable(company_id):
                set_company(session, await company_id(session))
            outcome = None if request is None else await idempotency.begin(session, request)
            if request is not None and outcome is not None:
                mark_replayed(context, request)
                return payload(await load_outcome(session, outcome))
            row = await _run(session, operation, request)
        if isinstance(row, CommittedDomainError):
            raise row
        return payload(row)
    except DomainError as error:
        return payload(errors=error.problems)


async def _run(
    session: AsyncSession, operation: Operation, request: idempotency.IdempotentRequest | None
) -> Any:
    """Return the operation's row, or its error when the transaction has to commit all the same."""
    try:
        row = await operation(session)
    except CommittedDomainError as error:
        if request is not None:
            await idempotency.release(session, request)
        return error
    if request is not None:
        await idempotency.store_outcome(session, request, outcome_reference(row))
    return row


def _transaction(
    context: Context, action: str, company_id: UUID | None, as_platform: bool
) -> AbstractAsyncContextManager[AsyncSession]:
    return context.write_as_platform(action) if as_platform else context.write(action, company_id)


def company_of(info: Info, model: type[Entity], id: str, *path: str) -> CompanyLookup:
    """Return a lookup of the company that owns the row with a public id.

    The lookup runs one statement in the command's transaction and adds the company to its scope. A
    row outside the actor's own scope is not found and adds nothing.
    """

    async def look_up(session: AsyncSession) -> UUID:
        key = parse_id(model, id, *path)
        row = (await session.execute(_company_statement(model), {"key": key})).first()
        if row is None:
            raise not_found(model, *path)
        clock.set_current_time(session, row[1])
        return UUID(str(row[0]))

    return look_up


@cache
def _company_statement(model: type[Entity]) -> Select[Any]:
    """Build the statement that reads a row's company, adds it to the scope and reads the clock."""
    column: Any = model.__table__.c.company_id
    array = cast(postgresql.array([column]), Text)
    set_scope = [func.set_config(name, array, True) for name in COMPANY_SETTINGS]
    return prepared(
        select(column, clock.CLOCK_TIMESTAMP, *set_scope).where(model.id == bindparam("key"))
    )


async def widen_scope(session: AsyncSession, company_id: UUID) -> UUID:
    """Add a company to the transaction's scope; the caller has checked that the actor may."""
    array = "{" + str(company_id) + "}"
    await session.execute(
        select(*(func.set_config(name, array, True) for name in COMPANY_SETTINGS))
    )
    return company_id


def idempotent_request(info: Info, input: object) -> idempotency.IdempotentRequest | None:
    """Return the idempotent request for this mutation, None without an idempotency key."""
    context = info.context
    context.writes += 1
    key = directive_key(info)
    key = context.idempotency_key if key is None else key
    if key is None:
        return None
    suffix = "" if context.writes == 1 else f"#{context.writes}"
    owner = context.idempotency_owner()
    return idempotency.build_request(owner, key + suffix, info.field_name, input)


def directive_key(info: Info) -> str | None:
    """Return the key of `@idempotent(key:)` on the mutation's field. Raises DomainError."""
    # Reads the field's own directives only: `info.selected_fields` would convert all child fields.
    for node in info._raw_info.field_nodes:
        for directive in node.directives or ():
            if directive.name.value == IDEMPOTENT:
                (argument,) = directive.arguments or ()
                key = value_from_ast_untyped(argument.value, info.variable_values)
                return _validate_key(key) if isinstance(key, str) else None
    return None


def _validate_key(key: str) -> str:
    if 0 < len(key) <= idempotency.MAX_KEY_LENGTH and key.isprintable():
        return key
    message = f"An idempotency key has 1 to {idempotency.MAX_KEY_LENGTH} printable characters."
    raise DomainError(InvalidInput(path=["key"], message=message))


def mark_replayed(context: Context, request: idempotency.IdempotentRequest) -> None:
    """Add the key to `extensions.replayed` of the response: nothing was done a second time."""
    context.extensions.setdefault("replayed", []).append(request.key)


def outcome_reference(row: Any) -> dict[str, Any]:
    """Return the outcome to store: the id of the row, if it has one."""
    return {"id": encode_id(model_of(row), row.id)} if isinstance(row, Entity) else {}


async def load_outcome(session: AsyncSession, outcome: dict[str, Any]) -> Any:
    """Load the current state of the row that an earlier equal request created or changed."""
    model = model_of_id(outcome.get("id", ""))
    key = decode_id(model, outcome["id"]) if model else None
    return await session.get(model, key) if model and key else None
